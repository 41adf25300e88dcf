"""Environments by id: registration, specs, time limits, and equality of copies."""

import pickle

import doorlab_envs
import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_match import check_environments_match
from hypothesis import given, settings
from hypothesis import strategies as st

from doorlab.errors import ConfigError

SIMULATORS = ("pybullet", "panda", "torch")
SMALL = {"frames": 1, "image_size": 16}


def steps_until_truncated(env) -> int:
    env.reset(seed=0)
    still = np.zeros(env.action_space.shape, np.float32)
    for step in range(1, 30):
        if np.all(env.step(still)[3]):
            return step
    raise AssertionError("an episode without an end")


def test_registered_environments_are_made_without_module():
    gymnasium.register_envs(doorlab_envs)
    with gymnasium.make("doorlab/DoorBandit-v0", **SMALL) as env:
        assert isinstance(env.unwrapped, doorlab_envs.DoorBanditEnv)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_pickled_environment_matches_original(make, simulator):
    if simulator == "torch":
        pytest.importorskip("torch")
    env = make(simulator=simulator)
    check_environments_match(env, pickle.loads(pickle.dumps(env)), num_steps=1, seed=0)


def test_spec_says_horizon_and_makes_equal_environment(make):
    env = make(horizon=3)
    assert env.spec.max_episode_steps == 3
    assert steps_until_truncated(env) == 3
    again = gymnasium.make(env.spec)
    check_environments_match(env, again, num_steps=4, seed=0)
    assert again.spec.max_episode_steps == 3
    again.close()


@pytest.mark.parametrize(("limit", "steps"), [(2, 2), (8, 3), (-1, 3)])
@pytest.mark.parametrize("mode", [None, "sync", "vector_entry_point"])
def test_time_limit_shortens_episodes_below_horizon(make, env_id, limit, steps, mode):
    settings = {**SMALL, "horizon": 3, "max_episode_steps": limit}
    if mode is None:
        assert steps_until_truncated(make(**settings)) == steps
    else:
        envs = gymnasium.make_vec(env_id, num_envs=1, vectorization_mode=mode, **settings)
        assert steps_until_truncated(envs) == steps
        envs.close()


def test_spec_of_vector_environment_makes_equal_environment(env_id):
    settings = {**SMALL, "horizon": 3, "vectorization_mode": "vector_entry_point"}
    envs = gymnasium.make_vec(env_id, num_envs=2, **settings)
    assert envs.spec.max_episode_steps == 3
    again = gymnasium.make_vec(envs.spec)
    assert again.num_envs == 2
    assert steps_until_truncated(again) == 3
    for one in (envs, again):
        one.close()


def test_vector_environment_rejects_time_limit_below_one(env_id):
    with pytest.raises(ConfigError, match="max_episode_steps as a whole number of 1 or more"):
        gymnasium.make_vec(env_id, num_envs=1, max_episode_steps=0, **SMALL)


DTYPES = ("float16", "float32", "float64", "int8", "int32", "int64", "bool", "complex64")


@pytest.fixture(scope="module")
def env(env_id):
    with gymnasium.make(env_id, **SMALL) as env:
        env.reset(seed=0)
        yield env.unwrapped


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(st.sampled_from([0.0, 1.0, -1.0, 1.000005, 2.0, np.nan, np.inf]), min_size=3,
                    max_size=5),
    dtype=st.sampled_from(DTYPES),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_step_accepts_what_action_space_contains(env, values, dtype):
    action = np.array(values).astype(dtype)
    # Gymnasium counts booleans as numbers; doorlab refuses them.
    expected = env.action_space.contains(action) and dtype != "bool"
    if expected:
        env.step(action)
    else:
        with pytest.raises(ConfigError) as caught:
            env.step(action)
        assert "\n" not in str(caught.value)
