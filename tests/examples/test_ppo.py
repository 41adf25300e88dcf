import re

import numpy as np
import pytest

sb3 = pytest.importorskip("stable_baselines3")

SMALL = {"frames": 2, "image_size": 36, "prior": "narrow", "simulator": "torch"}


@pytest.fixture
def ppo(load):
    return load("ppo")


def test_ppo_environment_passes_stable_baselines_checker(ppo):
    from stable_baselines3.common.env_checker import check_env

    env = ppo.image_env(**SMALL)
    check_env(env)  # warnings are errors here
    observation, _ = env.reset(seed=0)
    frames = env.unwrapped.reset(seed=0)[0]["images"]
    np.testing.assert_array_equal(observation[..., 3:], frames[1])
    env.close()


def test_ppo_short_run_trains_and_prints_rewards(ppo, tmp_path, capsys):
    before, after = ppo.main(
        steps=16, envs=2, test_doors=3, batch=4, out=tmp_path / "ppo.zip", **SMALL
    )
    said = re.findall(r"reward (.*): (.*) \(.*3 doors\)", capsys.readouterr().out)
    assert said == [
        ("before", f"{before.mean:.3f}"),
        ("after 16 interactions", f"{after.mean:.3f}"),
    ]
    assert before != after
    policy = sb3.PPO.load(tmp_path / "ppo.zip", device="cpu")
    env = ppo.image_env(**SMALL)
    assert ppo.rewards(policy, env, 3) == after
    env.close()
