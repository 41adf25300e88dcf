import gymnasium
import numpy as np
import pytest

from doorlab.bandit import run_policy
from doorlab.bandit.policies import OraclePolicy, VisibleOraclePolicy


@pytest.fixture(scope="module")
def rollouts(recorded_doors):
    path, doors, keys = recorded_doors
    env = gymnasium.make_vec(
        "doorlab_envs:doorlab/DoorBandit-v0",
        num_envs=len(keys),
        vectorization_mode="vector_entry_point",
        frames=1,
        image_size=16,
        horizon=3,
        doors_from=path,
    )
    policies = OraclePolicy(doors), VisibleOraclePolicy(doors)
    yield doors, [run_policy(env, policy, 3, doors=keys) for policy in policies]
    env.close()


def test_oracle_policy_has_zero_regret(rollouts):
    _, (oracle, _) = rollouts
    np.testing.assert_allclose(oracle.regrets, 0, atol=1e-6)


def test_visible_oracle_opens_latchless_doors_at_once(rollouts):
    doors, (_, visible) = rollouts
    free = np.array([door.latch_angle == 0 for door in doors])
    assert free.any()
    assert visible.regrets[free].max() < 0.02


def test_visible_oracle_needs_one_interaction_for_hidden_latch(rollouts):
    doors, (_, visible) = rollouts
    latched = np.array([door.latch_angle > 0 for door in doors])
    first = visible.regrets[latched, 0]
    assert 0.1 < (first > 0.5).mean() < 0.9  # the guess is right about every other time
    assert visible.regrets[:, 1:].max() < 0.02


def test_visible_oracle_guess_is_deterministic_given_seed(recorded_doors):
    _, doors, _ = recorded_doors
    policy, turns = VisibleOraclePolicy(doors), []
    from doorlab.bandit import History

    for seed in (0, 0, 1):
        policy.begin(np.zeros((len(doors), 1, 1, 1, 3), np.uint8), np.random.default_rng(seed))
        turns.append(policy.act(History.empty(len(doors)))[:, 3])
    np.testing.assert_array_equal(turns[0], turns[1])
    assert not np.array_equal(turns[0], turns[2])
    assert (np.abs(turns[0]) == 1).all()
