from dataclasses import dataclass

import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from gpytorch.kernels import MaternKernel
from gpytorch.means import ZeroMean

from doorlab.bandit import History
from doorlab.bandit.acquisition import Moments
from doorlab.bandit.policies import ModelConfig, ModelPolicy
from doorlab.bandit.residual_gp import ResidualConfig, ResidualModel, bounded
from doorlab.nn.actions import action_features
from doorlab.nn.context_sets import InteractionSet


@dataclass
class Prediction:
    mean: torch.Tensor
    std: torch.Tensor


class Stubborn:
    """Predicts that a large radius has the largest reward, whatever the rewards were."""

    has_latent = True

    def embed(self, x):
        return x.mean(dim=(1, 2, 3, 4))[:, None]

    def condition(self, embedding, context):
        return torch.zeros(len(embedding), 1)

    def draw(self, state, generator):
        return state + torch.randn(len(state), 1, generator=generator)

    def decode(self, state, actions):
        mean = 0.5 + 0.3 * actions[..., 1] + 0.1 * state
        return Prediction(mean, 0.2 + 0.1 * actions[..., 2].square())


def interactions(doors, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    actions = 2 * torch.rand(doors, count, 4, generator=generator) - 1
    return InteractionSet.all(actions, torch.rand(doors, count, generator=generator))


def conditioned(context, model=None):
    corrected = ResidualModel(model or Stubborn())
    return corrected, corrected.condition(torch.zeros(len(context.actions), 1), context)


def test_correction_equals_gaussian_process_of_botorch_on_residuals():
    config, model, context = ResidualConfig(), Stubborn(), interactions(3, 6)
    corrected, state = conditioned(context)
    queries = interactions(3, 9, seed=1).actions
    got, prior = corrected.decode(state, queries), model.decode(torch.zeros(3, 1), queries)
    for door in range(3):
        expected = model.decode(torch.zeros(1, 1), context.actions[door][None]).mean[0]
        kernel = MaternKernel(nu=2.5, ard_num_dims=5)
        kernel.lengthscale = torch.tensor(config.lengthscales, dtype=torch.float64)
        reference = SingleTaskGP(
            action_features(context.actions[door]).double(),
            (context.rewards[door] - expected).double()[:, None],
            torch.full((6, 1), config.noise**2, dtype=torch.float64),
            covar_module=kernel.double(),
            mean_module=ZeroMean(),
            outcome_transform=None,
        )
        posterior = reference.posterior(action_features(queries[door]).double())
        mean, std = posterior.mean[:, 0], posterior.variance[:, 0].sqrt()
        torch.testing.assert_close((got.mean - prior.mean)[door].double(), mean, atol=1e-5, rtol=0)
        ratio = (got.std / prior.std)[door].double()
        torch.testing.assert_close(ratio, std, atol=2e-3, rtol=0)


def test_prediction_is_model_without_interactions_and_far_from_them():
    model, queries = Stubborn(), interactions(2, 5).actions
    corrected, state = conditioned(interactions(2, 0))
    torch.testing.assert_close(
        corrected.decode(state, queries).mean, model.decode(torch.zeros(2, 1), queries).mean
    )
    near = InteractionSet.all(torch.full((1, 1, 4), -1.0), torch.ones(1, 1))
    corrected, state = conditioned(near)
    far = torch.tensor([[[0.0, 1.0, 1.0, 1.0]]])
    expected = model.decode(torch.zeros(1, 1), far)
    torch.testing.assert_close(corrected.decode(state, far).mean, expected.mean, atol=1e-3, rtol=0)
    torch.testing.assert_close(corrected.decode(state, far).std, expected.std, atol=1e-3, rtol=0)


def test_masked_interactions_have_no_effect():
    context = interactions(2, 5)
    queries = interactions(2, 7, seed=2).actions
    corrected, masked = conditioned(context.first(3))
    _, short = conditioned(InteractionSet.all(context.actions[:, :3], context.rewards[:, :3]))
    for part in ("mean", "std"):
        torch.testing.assert_close(
            getattr(corrected.decode(masked, queries), part),
            getattr(corrected.decode(short, queries), part),
        )


def test_sampled_functions_agree_with_observed_rewards_too():
    context = interactions(4, 3)
    corrected, state = conditioned(context)
    sampled = corrected.draw(state, torch.Generator().manual_seed(0))
    error = (corrected.decode(sampled, context.actions).mean - context.rewards).abs()
    before = (Stubborn().decode(sampled.model, context.actions).mean - context.rewards).abs()
    assert error.max() < 0.15 * before.max()


def test_gradient_is_finite_at_observed_actions():
    context = interactions(2, 4)
    corrected, state = conditioned(context)
    actions = context.actions.clone().requires_grad_()
    prediction = corrected.decode(state, actions)
    (prediction.mean.sum() + prediction.std.sum()).backward()
    assert actions.grad is not None
    assert actions.grad.isfinite().all()


@pytest.mark.parametrize(("reward", "repeated"), [(1.0, True), (0.0, False)])
def test_policy_repeats_successes_and_leaves_failures(reward, repeated):
    executed = np.array([[[0.2, 0.4, -0.5, 0.3]]], np.float32)
    policy = ModelPolicy(Stubborn())
    policy.begin_from(torch.zeros(1, 1), np.random.default_rng(0))
    first = policy.act(History(executed[:, :0], np.zeros((1, 0), np.float32)))
    where = executed if repeated else first[:, None]
    action = policy.act(History(where, np.array([[reward]], np.float32)))
    assert (np.abs(action - where[:, 0]).max() < 0.1) == repeated
    alone = ModelPolicy(Stubborn(), ModelConfig(residuals=None))
    alone.begin_from(torch.zeros(1, 1), np.random.default_rng(0))
    unaware = alone.act(History(where, np.array([[reward]], np.float32)))
    assert unaware[0, 1] == pytest.approx(1.0, abs=0.02)  # the model alone learns nothing


def test_bounded_prediction_is_possible_for_rewards():
    found = bounded(Moments(torch.tensor([[1.2, -0.1, 0.9]]), torch.tensor([[0.3] * 3])))
    torch.testing.assert_close(found.mean, torch.tensor([[1.0, 0.0, 0.9]]))
    torch.testing.assert_close(found.std, torch.tensor([[0.0, 0.0, 0.3]]))
