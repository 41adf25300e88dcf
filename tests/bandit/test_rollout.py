import gymnasium
import numpy as np
import pytest
from gymnasium.vector import VectorEnv

from doorlab.bandit import run_policy

TARGETS = np.array([-0.5, 0.0, 0.5])


class Toy(VectorEnv):
    """Reward 1 - |first coordinate - target|: an environment without doors."""

    num_envs = 3

    def reset(self, *, seed=None, options=None):
        self.seed, self.options = seed, options
        self.resets = getattr(self, "resets", 0) + 1
        return {"images": np.zeros((3, 2, 4, 4, 3), np.uint8)}, {"optimal_reward": np.ones(3)}

    def step(self, actions):
        rewards = 1 - np.abs(actions[:, 0] - TARGETS)
        never = np.zeros(3, bool)
        info = {"regret": 1 - rewards, "slipped": actions[:, 1] > 0, "optimal_reward": np.ones(3)}
        return {"images": np.zeros((3, 2, 4, 4, 3), np.uint8)}, rewards, never, never, info


class Recorder:
    """Executes given actions, and stores the histories that it receives."""

    def __init__(self, actions):
        self.actions, self.seen = actions, []

    def begin(self, frames, rng):
        self.frames, self.draw = frames, rng.random()

    def act(self, history):
        self.seen.append(history)
        return self.actions[:, history.num_interactions]


@pytest.fixture
def actions():
    return np.random.default_rng(0).uniform(-1, 1, (3, 4, 4)).astype(np.float32)


def test_run_policy_records_actions_rewards_and_regrets(actions):
    rollout = run_policy(Toy(), Recorder(actions), 4)
    np.testing.assert_array_equal(rollout.actions, actions)
    expected = 1 - np.abs(actions[..., 0] - TARGETS[:, None])
    np.testing.assert_allclose(rollout.rewards, expected, rtol=1e-6)
    np.testing.assert_allclose(rollout.regrets, 1 - expected, rtol=1e-6)
    np.testing.assert_array_equal(rollout.slipped, actions[..., 1] > 0)


def test_run_policy_shows_policy_only_frames_actions_and_rewards(actions):
    policy = Recorder(actions)
    rollout = run_policy(Toy(), policy, 4)
    assert policy.frames.shape == (3, 2, 4, 4, 3)
    for tries, history in enumerate(policy.seen):
        assert vars(history).keys() == {"actions", "rewards"}
        np.testing.assert_array_equal(history.actions, actions[:, :tries])
        np.testing.assert_array_equal(history.rewards, rollout.rewards[:, :tries])


def test_run_policy_is_paired_by_seed(actions):
    first, second, third = (Recorder(actions) for _ in range(3))
    env = Toy()
    run_policy(env, first, 1, seed=3, doors=[7, 8, 9])
    assert (env.seed, env.options) == (3, {"door": [7, 8, 9]})
    run_policy(env, second, 1, seed=3)
    run_policy(env, third, 1, seed=4)
    assert first.draw == second.draw != third.draw
    assert env.resets == 3


def test_run_policy_reports_every_interaction(actions):
    steps = []
    run_policy(Toy(), Recorder(actions), 4, advance=steps.append)
    assert steps == [1, 1, 1, 1]


def test_run_policy_random_rewards_match_simulator(recorded_doors):
    """The whole way (environment, loop, policy) against the simulator alone."""
    from doorlab.bandit.policies import RandomPolicy
    from doorlab.sim import make_simulator

    path, doors, keys = recorded_doors
    env = gymnasium.make_vec(
        "doorlab_envs:doorlab/DoorBandit-v0",
        num_envs=len(keys),
        vectorization_mode="vector_entry_point",
        frames=1,
        image_size=16,
        horizon=20,
        doors_from=path,
    )
    rollout = run_policy(env, RandomPolicy(), 20, doors=keys)
    env.close()
    simulator = make_simulator()
    actions = np.random.default_rng(123).uniform(-1, 1, (len(doors), 100, 4)).astype(np.float32)
    direct = simulator.interact(doors, actions).rewards
    simulator.close()
    spread = direct.std() * np.sqrt(1 / rollout.rewards.size + 1 / direct.size)
    assert abs(rollout.rewards.mean() - direct.mean()) < 4 * spread
