import gymnasium
import numpy as np
import pytest

from doorlab.data import DoorDataset
from doorlab.errors import ConfigError

SMALL = {"frames": 2, "image_size": 16, "horizon": 2}
MODES = ["sync", "async", "vector_entry_point"]


def rollout(env_id, mode, steps=4, **settings):
    # Forking would copy the threads of the whole test process.
    vectoriser = {"vector_kwargs": {"context": "spawn"}} if mode == "async" else {}
    env = gymnasium.make_vec(
        env_id, num_envs=3, vectorization_mode=mode, **vectoriser, **SMALL, **settings
    )
    try:
        observation, info = env.reset(seed=5)
        log, infos = [observation["images"]], [info]
        rng = np.random.default_rng(0)
        for _ in range(steps):  # past the horizon: autoreset is part of the rollout
            actions = rng.uniform(-1, 1, (3, 4)).astype(np.float32)
            observation, rewards, terminated, truncated, info = env.step(actions)
            log += [observation["images"], rewards, terminated, truncated]
            infos.append(info)
        return log, infos
    finally:
        env.close()


@pytest.fixture(scope="module")
def reference(env_id):
    return rollout(env_id, "sync")


@pytest.mark.parametrize("mode", ["async", "vector_entry_point"])
def test_vectorization_modes_give_equal_rollouts(env_id, mode, reference):
    log, infos = rollout(env_id, mode)
    for mine, theirs in zip(log, reference[0], strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    for mine, theirs in zip(infos, reference[1], strict=True):
        assert mine.keys() == theirs.keys()
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name])


def test_torch_simulator_env_matches_reference_env(env_id, reference):
    """Its images and rewards are PyBullet's, but for a few pixels and the fourth digit."""
    log, infos = rollout(env_id, "vector_entry_point", simulator="torch")
    for mine, theirs in zip(log, reference[0], strict=True):
        difference = np.abs(mine.astype(float) - theirs)
        assert difference.mean() < (0.1 if mine.dtype == np.uint8 else 0.01)
    for mine, theirs in zip(infos, reference[1], strict=True):
        np.testing.assert_allclose(mine["optimal_reward"], theirs["optimal_reward"], atol=0.01)


def test_vector_env_of_recorded_doors_matches_sync_env(env_id, recorded):
    log, _ = rollout(env_id, "vector_entry_point", doors_from=recorded)
    reference, _ = rollout(env_id, "sync", doors_from=recorded)
    for mine, theirs in zip(log, reference, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.fixture
def env(env_id, recorded):
    env = gymnasium.make_vec(
        env_id,
        num_envs=3,
        vectorization_mode="vector_entry_point",
        doors_from=recorded,
        render_mode="rgb_array",
        **SMALL,
    )
    env.action_space.seed(0)
    yield env
    env.close()


def test_vector_env_spaces_are_batched(env):
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    assert env.observation_space["images"].shape == (3, 2, 16, 16, 3)
    assert env.action_space.shape == (3, 4)


def test_vector_env_reset_accepts_door_keys(env, recorded):
    keys = DoorDataset.open(recorded).indices("test")[[4, 0, 4]]
    observation, info = env.reset(options={"door": keys})
    np.testing.assert_array_equal(info["door"], keys)
    expected = DoorDataset.open(recorded).read("images", keys)[:, :2]
    np.testing.assert_array_equal(observation["images"], expected)


def test_vector_env_returns_copies_of_observations(env):
    first, _ = env.reset(seed=0)
    kept = first["images"].copy()
    second = env.step(env.action_space.sample())[0]
    second["images"][:] = 0
    np.testing.assert_array_equal(env.step(env.action_space.sample())[0]["images"], kept)


def test_vector_env_renders_one_image_and_trajectory_per_door(env):
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert [frame.shape for frame in env.render()] == [(256, 256, 3)] * 3
    assert env.unwrapped.trajectories.shape[0] == 3


@pytest.mark.parametrize("arguments", [{"seed": [1, 2]}, {"options": {"door": [1, 2, 3, 4]}}])
def test_vector_env_rejects_wrong_number_of_seeds_and_doors(env, arguments):
    with pytest.raises(ConfigError, match=r"3 (seeds|doors)"):
        env.reset(**arguments)


def test_vector_env_rejects_zero_environments(env_id):
    with pytest.raises(ConfigError, match="num_envs"):
        gymnasium.make_vec(env_id, num_envs=0, vectorization_mode="vector_entry_point", **SMALL)
