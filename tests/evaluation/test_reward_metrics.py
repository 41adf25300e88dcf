from types import SimpleNamespace

import numpy as np
import pytest
import torch

from doorlab.data.tensors.batches import DoorData
from doorlab.evaluation.calibration import calibration_error
from doorlab.evaluation.reward_metrics import (
    mean_error,
    means,
    predictions,
    predictions_on,
    summarize,
)

DOORS, INTERACTIONS = 70, 8


class RunningMean:
    """Predicts the mean of the rewards of the context; its embedding is the mean brightness."""

    def embed(self, x):
        return x.mean((1, 2, 3, 4))[:, None]

    def predict(self, embedding, tried, at):
        shown = tried.mask.sum(1, keepdim=True).clamp(min=1)
        mean = embedding + (tried.rewards * tried.mask).sum(1, keepdim=True) / shown
        law = torch.distributions.Normal(mean.expand(at.shape[:2]), 0.2)
        return SimpleNamespace(mean=law.mean, std=law.stddev, log_prob=law.log_prob)


@pytest.fixture
def doors():
    """Door d is as bright as d."""
    generator = torch.Generator().manual_seed(0)
    images = torch.arange(DOORS, dtype=torch.uint8)[:, None, None, None, None]
    return DoorData(
        images=images.expand(-1, 2, 3, 4, 4).clone(),
        joint_position=torch.zeros(DOORS, 2),
        actions=torch.rand(DOORS, INTERACTIONS, 4, generator=generator),
        rewards=torch.rand(DOORS, INTERACTIONS, generator=generator),
        optimal_reward=torch.ones(DOORS),
        indices=torch.arange(DOORS),
    )


def expected(doors, seen):
    """Written out with numpy."""
    rewards = doors.rewards.numpy().astype(float)
    said = rewards[:, :seen].mean(1) if seen else np.zeros(DOORS)
    return np.arange(DOORS)[:, None] / 255 + said[:, None], rewards[:, 4:]


def test_predictions_on_condition_on_first_half_and_predict_second(doors):
    found = predictions_on(RunningMean(), doors)
    assert list(found) == [0, 1, 2, 3, 4]  # no door has more in its first half
    for seen, said in found.items():
        mean, outcome = expected(doors, seen)
        np.testing.assert_allclose(said.mean, np.broadcast_to(mean, outcome.shape), atol=1e-6)
        np.testing.assert_array_equal(said.outcome, outcome.astype(np.float32))
        np.testing.assert_allclose(said.squared_error, (mean - outcome) ** 2, atol=1e-6)
        density = np.exp(-0.5 * ((outcome - mean) / 0.2) ** 2) / (0.2 * np.sqrt(2 * np.pi))
        np.testing.assert_allclose(said.log_likelihood, np.log(density), atol=1e-4)


def test_figures_are_estimates_over_doors(doors):
    found = predictions_on(RunningMean(), doors, (0, 3))
    estimates = summarize(found)
    names = ("reward_mse", "log_likelihood", "calibration_error")
    assert set(estimates) == {f"{name}_after_{n}" for name in names for n in (0, 3)}
    assert {estimate.n for estimate in estimates.values()} == {DOORS}
    mean, outcome = expected(doors, 3)
    assert estimates["reward_mse_after_3"].mean == pytest.approx(((mean - outcome) ** 2).mean())
    mean = np.broadcast_to(mean, outcome.shape)
    calibration = estimates["calibration_error_after_3"]
    assert calibration.mean == pytest.approx(calibration_error(mean, outcome).mean, abs=1e-6)


def test_means_equal_figures_without_intervals(doors):
    found = predictions_on(RunningMean(), doors, (0, 1, 4))
    estimates, quick = summarize(found), means(found)
    for name, value in quick.items():
        assert value == pytest.approx(estimates[name].mean, rel=1e-5)
    errors = [quick[f"reward_mse_after_{n}"] for n in (0, 1, 4)]
    assert mean_error(quick) == pytest.approx(sum(errors) / 3)


def test_predictions_pass_actions_and_embeddings_to_model(doors):
    class Nosy(RunningMean):
        def predict(self, embedding, tried, at):
            assert torch.equal(tried.actions, doors.actions[:, :4])
            assert torch.equal(at, doors.actions[:, 4:])
            assert embedding[3] == 9
            return super().predict(embedding, tried, at)

    embedding = 3 * torch.arange(DOORS).float()[:, None]
    assert predictions(Nosy(), embedding, doors.actions, doors.rewards, (2,)).keys() == {2}
