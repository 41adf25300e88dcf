import numpy as np
import pytest
from helpers.bandit_worlds import Sighted, World

from doorlab.bandit import History
from doorlab.bandit.acquisition import SearchConfig
from doorlab.bandit.policies import (
    EpsilonConfig,
    EpsilonGreedyPolicy,
    ModelConfig,
    ModelPolicy,
    RandomPolicy,
)
from doorlab.errors import ConfigError


class Fixed:
    """Always the same action."""

    def begin(self, frames, rng):
        self.draw = rng.random()

    def act(self, history):
        return np.full((len(history.rewards), 4), 0.25, np.float32)


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_epsilon_greedy_explores_uniformly_with_probability_epsilon(epsilon):
    policy = EpsilonGreedyPolicy(Fixed(), EpsilonConfig(epsilon))
    policy.begin(np.zeros((4000, 1, 1, 1, 3), np.uint8), np.random.default_rng(0))
    actions = policy.act(History.empty(4000))
    random = (actions != 0.25).any(axis=1)
    assert random.mean() == pytest.approx(epsilon, abs=4 * 0.5 / np.sqrt(4000))
    if epsilon:
        assert actions[random].std(axis=0) == pytest.approx(1 / np.sqrt(3), rel=0.1)
    assert actions.dtype == np.float32


def test_epsilon_greedy_with_zero_epsilon_is_the_wrapped_policy():
    world = World(6)
    quick = ModelConfig(search=SearchConfig(candidates=32, steps=3))
    alone = world.play(ModelPolicy(Sighted(), quick), 2)
    same = ModelPolicy(Sighted(), quick)
    wrapped = world.play(EpsilonGreedyPolicy(same, EpsilonConfig(0.0)), 2)
    np.testing.assert_array_equal(alone.actions, wrapped.actions)


def test_epsilon_greedy_rejects_epsilon_outside_unit_interval():
    with pytest.raises(ConfigError, match="from 0 to 1"):
        EpsilonGreedyPolicy(RandomPolicy(), EpsilonConfig(1.5))
