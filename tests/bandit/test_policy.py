import numpy as np

from doorlab.bandit import History, Policy
from doorlab.bandit.policies import GPUCBPolicy, RandomPolicy


def test_history_extends_by_one_interaction_per_door():
    history = History.empty(2)
    assert history.num_interactions == 0
    first = np.full((2, 4), 0.5, np.float32), np.array([0.1, 0.2], np.float32)
    second = np.zeros((2, 4), np.float32), np.array([0.3, 0.4], np.float32)
    longer = history.extended(*first).extended(*second)
    assert history.num_interactions == 0  # the earlier one is as it was
    assert longer.num_interactions == 2
    np.testing.assert_array_equal(longer.rewards, np.array([[0.1, 0.3], [0.2, 0.4]], np.float32))
    np.testing.assert_array_equal(longer.actions[:, 0], first[0])


def test_policy_protocol_is_satisfied_by_policies():
    assert isinstance(RandomPolicy(), Policy)
    assert isinstance(GPUCBPolicy(), Policy)
    assert not isinstance(History.empty(1), Policy)
