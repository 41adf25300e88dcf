import numpy as np
import pytest
from helpers.bandit_worlds import bump, features, history

from doorlab.bandit import History
from doorlab.bandit.acquisition import SearchConfig
from doorlab.bandit.policies import GPConfig, GPThompsonPolicy, GPUCBPolicy

BOTH = pytest.mark.parametrize("make", [GPUCBPolicy, GPThompsonPolicy])


def begin(policy, doors, seed=0):
    policy.begin(np.zeros((doors, 1, 1, 1, 3), np.uint8), np.random.default_rng(seed))
    return policy


def test_gp_ucb_finds_optimum_of_known_function():
    policy = begin(GPUCBPolicy(GPConfig(beta=0.01, search=SearchConfig(steps=60))), doors=2)
    actions = policy.act(history(2, 60, reward=bump))
    assert (bump(actions) > 0.98).all()


@pytest.mark.parametrize(("make", "enough"), [(GPUCBPolicy, 0.9), (GPThompsonPolicy, 0.6)])
def test_gp_policy_learns_known_function_faster_than_chance(make, enough):
    config = GPConfig(fit_steps=20, search=SearchConfig(candidates=128, starts=2, steps=8))
    policy, doors = begin(make(config), 4), History.empty(4)
    for _ in range(25):
        actions = policy.act(doors)
        doors = doors.extended(actions, bump(actions).astype(np.float32))
    chance = bump(history(1, 5000).actions[0]).mean()
    assert doors.rewards[:, -3:].mean() > enough > 2 * chance


def test_gp_ucb_explores_where_data_is_sparse():
    data = history(1, 12, reward=lambda a: np.full(a.shape[:2], 0.1))
    action = begin(GPUCBPolicy(GPConfig(first_fit=99)), 1).act(data)
    nearest = np.linalg.norm(features(data.actions[0]) - features(action), axis=-1).min()
    others = features(history(1, 300, seed=9).actions[0])
    distances = np.linalg.norm(others[:, None] - features(data.actions[0]), axis=-1).min(axis=1)
    assert nearest > np.percentile(distances, 95)


@BOTH
def test_gp_policy_treats_doors_independently(make):
    config = GPConfig(search=SearchConfig(candidates=64, steps=5))
    data, other = history(3, 5), history(3, 5, seed=8)
    mixed = History(
        np.stack([data.actions[0], other.actions[1], other.actions[2]]),
        np.stack([data.rewards[0], other.rewards[1], other.rewards[2]]),
    )
    first = begin(make(config), 3).act(data)
    second = begin(make(config), 3).act(mixed)
    np.testing.assert_allclose(first[0], second[0], atol=1e-5)
    assert not np.allclose(first[1], second[1], atol=1e-3)


@BOTH
def test_gp_policy_is_deterministic_given_seed(make):
    config = GPConfig(fit_steps=5, search=SearchConfig(candidates=64, steps=5))
    first, second = (begin(make(config), 4, seed=2) for _ in range(2))
    np.testing.assert_array_equal(first.act(History.empty(4)), second.act(History.empty(4)))
    data = history(4, 3)
    actions = first.act(data)
    np.testing.assert_array_equal(actions, second.act(data))
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1


@BOTH
def test_gp_policy_accepts_repeated_actions(make):
    """The covariance is nearly singular; numerical warnings would fail the test."""
    actions = np.repeat(history(2, 1).actions, 12, axis=1)
    policy = begin(make(GPConfig(search=SearchConfig(candidates=64, steps=5))), 2)
    assert np.isfinite(policy.act(History(actions, np.zeros((2, 12), np.float32)))).all()


def test_gp_thompson_spread_shrinks_with_data():
    """Sampled optima differ where little is known, and agree where much is."""
    spread = []
    for tries in (1, 80):
        one = history(1, tries, reward=bump)
        same = History(np.repeat(one.actions, 20, axis=0), np.repeat(one.rewards, 20, axis=0))
        config = GPConfig(first_fit=99, search=SearchConfig(candidates=256, steps=10))
        actions = begin(GPThompsonPolicy(config), 20).act(same)
        spread.append(features(actions).std(axis=0).mean())
    assert spread[1] < 0.5 * spread[0]
