from dataclasses import dataclass

import numpy as np
import pytest
import torch

from doorlab.bandit import History
from doorlab.bandit.acquisition import SearchConfig
from doorlab.bandit.policies import BanditModel, ModelConfig, ModelPolicy
from doorlab.errors import ConfigError

FINE = SearchConfig(candidates=128, steps=60, step_size=0.03)


@dataclass
class Prediction:
    mean: torch.Tensor
    std: torch.Tensor


class Bowl:
    """Sees the best radius in a door's brightness; is unsure where swing differs from 0.7.

    Rewards seen move its optimum, so that tests can tell whether they arrived.
    """

    has_latent = True

    def __init__(self):
        self.batches, self.conditions = [], []

    def embed(self, x):
        self.batches.append(len(x))
        return 2 * x.mean(dim=(1, 2, 3, 4))[:, None] - 1

    def condition(self, embedding, tried):
        self.conditions.append(tried)
        return embedding + (tried.rewards * tried.mask).sum(dim=1, keepdim=True)

    def draw(self, optimum, generator):
        return optimum + 0.2 * torch.randn(len(optimum), 1, generator=generator)

    def decode(self, optimum, at):
        mean = -(at[..., 1] - optimum).square()
        return Prediction(mean, 1 - (at[..., 2] - 0.7).square())


def frames(brightness):
    pixels = np.asarray(brightness, np.uint8)[:, None, None, None, None]
    return np.broadcast_to(pixels, (len(pixels), 2, 4, 4, 3)).copy()


def act(policy, brightness, history=None, seed=0):
    policy.begin(frames(brightness), np.random.default_rng(seed))
    return policy.act(history or History.empty(len(brightness)))


def test_greedy_policy_maximizes_predicted_reward_on_every_door():
    actions = act(ModelPolicy(Bowl(), ModelConfig(search=FINE)), [51, 102, 204])
    np.testing.assert_allclose(actions[:, 1], [-0.6, -0.2, 0.6], atol=0.02)
    assert actions.dtype == np.float32


def test_ucb_policy_prefers_uncertain_actions():
    config = ModelConfig(choice="ucb", kappa=2.0, search=FINE)
    actions = act(ModelPolicy(Bowl(), config), [51, 204])
    np.testing.assert_allclose(actions[:, 1], [-0.6, 0.6], atol=0.05)
    np.testing.assert_allclose(actions[:, 2], 0.7, atol=0.05)


def test_thompson_policy_actions_follow_distribution_of_sampled_optima():
    config = ModelConfig(choice="thompson", search=FINE, doors_at_once=150)
    actions = act(ModelPolicy(Bowl(), config), [128] * 400)[:, 1]
    assert actions.mean() == pytest.approx(0.0, abs=4 * 0.2 / 20)
    assert actions.std() == pytest.approx(0.2, rel=0.15)
    assert len(np.unique(actions)) > 390  # no two portions share their draws


def test_model_policy_conditions_on_interactions():
    history = History(np.zeros((2, 2, 4), np.float32), np.array([[0.1, 0.2], [0, 0.4]], np.float32))
    config = ModelConfig(search=FINE, residuals=None)
    actions = act(ModelPolicy(Bowl(), config), [51, 102], history)
    np.testing.assert_allclose(actions[:, 1], [-0.3, 0.2], atol=0.02)


def test_model_policy_is_independent_of_doors_at_once():
    whole = act(ModelPolicy(Bowl(), ModelConfig()), range(10, 240, 23))
    parts = act(ModelPolicy(Bowl(), ModelConfig(doors_at_once=4)), range(10, 240, 23))
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_model_policy_predict_matches_model_given_history():
    history = History(np.zeros((3, 1, 4), np.float32), np.array([[0.1], [0.2], [0.0]], np.float32))
    policy = ModelPolicy(Bowl(), ModelConfig(doors_at_once=2, residuals=None))
    policy.begin(frames([51, 102, 204]), np.random.default_rng(0))
    actions = np.random.default_rng(1).uniform(-1, 1, (3, 5, 4)).astype(np.float32)
    mean, std = policy.predict(history, actions)
    optimum = np.array([[-0.6 + 0.1], [-0.2 + 0.2], [0.6]])
    np.testing.assert_allclose(mean, -((actions[..., 1] - optimum) ** 2), atol=1e-6)
    np.testing.assert_allclose(std, 1 - (actions[..., 2] - 0.7) ** 2, atol=1e-6)


def test_model_policy_begins_from_embedding_without_frames():
    model = Bowl()
    first, second = ModelPolicy(Bowl()), ModelPolicy(model)
    expected = act(first, [51, 204], seed=3)
    second.begin_from(first.embedding, np.random.default_rng(3))
    np.testing.assert_array_equal(second.act(History.empty(2)), expected)
    assert model.batches == []


def test_model_policy_encodes_frames_once():
    model = Bowl()
    policy = ModelPolicy(model)
    act(policy, [1, 2])
    policy.act(History.empty(2))
    assert model.batches == [2]


def test_model_policy_conditions_once_per_interaction():
    model = Bowl()
    policy = ModelPolicy(model)
    act(policy, [1, 2, 3])
    policy.act(History(np.ones((3, 2, 4), np.float32), np.ones((3, 2), np.float32)))
    assert [tried.actions.shape for tried in model.conditions] == [(3, 0, 4), (3, 2, 4)]
    assert model.conditions[1].mask.all()


def test_model_policy_rejects_invalid_choice():
    """Thompson sampling needs a model with a latent variable."""
    with pytest.raises(ConfigError, match="greedy"):
        ModelPolicy(Bowl(), ModelConfig(choice="greddy"))
    blind = Bowl()
    blind.has_latent = False
    with pytest.raises(ConfigError, match="thompson"):
        ModelPolicy(blind, ModelConfig(choice="thompson"))
    assert isinstance(blind, BanditModel)
