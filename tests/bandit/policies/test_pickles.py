"""Policies of every module after pickling, as between processes."""

import pickle

import numpy as np
import pytest
from helpers.bandit_worlds import Sighted, World, labeled

from doorlab.bandit import History
from doorlab.bandit.policies import (
    ContextualPriorPolicy,
    EpsilonGreedyPolicy,
    GPConfig,
    GPThompsonPolicy,
    GPUCBPolicy,
    LinUCBConfig,
    LinUCBPolicy,
    ModelPolicy,
    NeuralLinearConfig,
    NeuralLinearPolicy,
    RandomPolicy,
)

TOUCH, LABELED = GPConfig(fit_steps=2), labeled(6, 4)
MAKE = {
    "random": RandomPolicy,
    "gp_ucb": lambda: GPUCBPolicy(TOUCH),
    "gp_thompson": lambda: GPThompsonPolicy(TOUCH),
    "model": lambda: ModelPolicy(Sighted()),
    "epsilon": lambda: EpsilonGreedyPolicy(ModelPolicy(Sighted())),
    "cpp": lambda: ContextualPriorPolicy(Sighted(), TOUCH),
    "linucb": lambda: LinUCBPolicy(Sighted(), LABELED, LinUCBConfig(features=8)),
    "neural_linear": lambda: NeuralLinearPolicy(
        Sighted(), LABELED, NeuralLinearConfig(hidden=8, features=4, steps=2)
    ),
}


@pytest.mark.parametrize("name", MAKE)
def test_policy_continues_identically_after_pickling(name):
    policy, world = MAKE[name](), World(2)
    past = world.play(policy, 2)
    other = pickle.loads(pickle.dumps(policy))
    assert isinstance(past, History)
    np.testing.assert_array_equal(other.act(past), policy.act(past))
