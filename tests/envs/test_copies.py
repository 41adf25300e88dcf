"""Environments after pickling, copying and closing, whatever their module."""

import copy
import pickle
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from doorlab_envs.wrappers import RecordInteractionVideo
from gymnasium.utils.env_checker import data_equivalence

from doorlab.errors import ConfigError, SimulatorError
from doorlab.sim import make_simulator

SIMULATORS = ("pybullet", "panda", "torch")
SMALL = {"frames": 2, "image_size": 16}
IN_ANOTHER_PROCESS = """
import pickle, sys
env, action = pickle.load(sys.stdin.buffer)
found = env.step(action)[1]
sys.stdout.buffer.write(pickle.dumps((env.reset(seed=5), found)))
"""


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_environment_copy_continues_after_original_is_closed(make, simulator, duplicate):
    env = make(simulator=simulator, render_mode="rgb_array_list")
    env.reset(seed=0)
    action = env.action_space.sample()
    env.step(action)
    other = duplicate(env)
    assert data_equivalence(env.step(-action), other.step(-action))
    assert data_equivalence(env.render(), other.render())
    env.close()
    assert other.step(action)[0]["images"].any()
    other.reset()
    other.close()


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_environment_can_be_pickled_to_another_process(make, simulator):
    env = make(simulator=simulator)
    env.reset(seed=0)
    action = env.action_space.sample()
    run = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        input=pickle.dumps((env, action)),
        capture_output=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr.decode()
    start, reward = pickle.loads(run.stdout)
    assert reward == env.step(action)[1]
    assert data_equivalence(start, env.reset(seed=5))


def test_vector_recorded_and_video_environments_can_be_copied(make, env_id, recorded, tmp_path):
    pytest.importorskip("torch")
    many = gymnasium.make_vec(
        env_id, 2, "vector_entry_point", simulator="torch", doors_from=recorded, **SMALL
    )
    films = RecordInteractionVideo(
        make(doors_from=recorded, render_mode="rgb_array_list"), tmp_path
    )
    for env in (many, films):
        env.reset(seed=0)
        other = pickle.loads(pickle.dumps(env))
        assert data_equivalence(env.reset(seed=1), other.reset(seed=1))
        other.close()
    many.close()


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_closed_environment_and_its_copy_are_rejected(make, simulator):
    env = make(simulator=simulator, render_mode="rgb_array")
    env.reset(seed=0)
    action = env.action_space.sample()
    env.close()
    env.close()
    for one in (env, pickle.loads(pickle.dumps(env))):
        for work in (one.reset, one.render, lambda one=one: one.step(action)):
            with pytest.raises(
                ConfigError, match="Expected an open environment, but got a closed one"
            ):
                work()


@pytest.mark.parametrize("name", SIMULATORS)
def test_closed_simulator_is_rejected(name):
    simulator = make_simulator(name)
    simulator.close()
    for one in (simulator, copy.deepcopy(simulator)):
        with pytest.raises(
            SimulatorError, match="Expected an open simulator, but got a closed one"
        ):
            one.interact([], np.zeros((0, 1, 4)))
        with pytest.raises(SimulatorError, match="Create another with make_simulator"):
            one.render([], np.zeros((0, 1)), [], 16)
