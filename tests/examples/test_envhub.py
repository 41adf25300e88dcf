"""What LeRobot's evaluation reads from the environment of an EnvHub repository."""

import importlib.util

import numpy as np
import pytest
from helpers.recorded_doors import door_of

from doorlab.doors import oracle_action

pytest.importorskip("pybullet")
ROLLOUT = {"lerobot_new_rollout": True}  # options of LeRobot's `reset`


@pytest.fixture
def make_env(request):
    """`make_env` of the file, which is not an importable module on the hub."""
    path = request.config.rootpath / "examples/envhub/env.py"
    spec = importlib.util.spec_from_file_location("hub_env_owner_name", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_env


@pytest.mark.parametrize("use_async_envs", [False, True])
def test_envhub_environment_has_what_lerobot_reads(make_env, use_async_envs):
    envs = make_env(n_envs=2, use_async_envs=use_async_envs)
    observation, info = envs.reset(seed=[0, 1], options=ROLLOUT)
    assert envs.call("_max_episode_steps") == (10, 10)
    assert envs.call("task_description") == ("Open the door.",) * 2
    assert {image.shape for image in observation["pixels"].values()} == {(2, 64, 64, 3)}
    assert observation in envs.observation_space
    actions = np.zeros((2, 4), np.float32)
    actions[0] = oracle_action(door_of(int(info["door"][0])))
    *_, truncated, info = envs.step(actions)
    assert info["is_success"].tolist() == [True, False]
    for _ in range(8):
        *_, truncated, info = envs.step(actions)
        assert not truncated.any()
    *_, truncated, info = envs.step(actions)
    assert truncated.all()
    assert "is_success" in info
    envs.close()
