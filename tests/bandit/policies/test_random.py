import numpy as np
from scipy.stats import kstest

from doorlab.bandit import History
from doorlab.bandit.policies import RandomPolicy


def test_random_policy_actions_are_uniform_in_box():
    policy = RandomPolicy()
    policy.begin(np.zeros((2000, 1, 1, 1, 3), np.uint8), np.random.default_rng(0))
    actions = policy.act(History.empty(2000))
    assert actions.dtype == np.float32
    for coordinate in actions.T:
        assert kstest(coordinate, "uniform", (-1, 2)).pvalue > 0.01
    assert np.abs(np.corrcoef(actions.T) - np.eye(4)).max() < 0.1
