"""Trains PPO of Stable-Baselines3 to open doors in one interaction, from images.

    python examples/ppo.py --steps 20000 --out runs/ppo.zip

The program needs `pip install 'doorlab[sb3]'`. At the end it prints the mean reward on test doors
before and after training: a baseline without the models of doorlab. The frames of a door become the
channels of one image, because the policy takes single images. An episode is one interaction,
because the policy has no memory.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import tyro
from doorlab_envs.wrappers import FramesAsChannels
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab.errors import ConfigError, DoorlabError
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.limits import from_to

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"
_SEEDS = from_to(0, 2**32 - 1)  # accepted by NumPy's older generators
_TEST_SEED = 10**6  # seed of the first test door


def main(
    steps: int = 20_000,
    envs: int = 8,
    frames: int = 2,
    image_size: int = 64,
    prior: str = DEFAULT_PRIOR,
    simulator: str = "pybullet",
    test_doors: int = 200,
    batch: int = 64,
    seed: int = 0,
    out: Path | None = None,
) -> tuple[Estimate, Estimate]:
    """Trains a policy; returns the mean rewards on test doors before and after training.

    Args:
        steps: Number of training interactions, each with a new door.
        envs: Number of environments, all in this process.
        frames: Frames per door.
        image_size: Height and width of a frame, pixels; at least 36.
        prior: Prior of the doors: narrow, default, wild.
        simulator: Simulator of the doors: pybullet, torch.
        test_doors: Number of test doors.
        batch: Interactions per environment and update.
        seed: Seed of the network and of the doors.
        out: File of the trained policy; None to discard it.
    """
    if not _SEEDS.admits(seed):
        raise ConfigError(f"--seed as {_SEEDS}", f"{seed}", "correct --seed")
    settings = {"prior": prior, "simulator": simulator, "image_size": image_size, "frames": frames}
    training = make_vec_env(lambda: picture_env(**settings), n_envs=envs, seed=seed)
    testing = picture_env(**settings)
    try:
        policy = PPO(
            "CnnPolicy", training, n_steps=batch, batch_size=batch, seed=seed, device="cpu"
        )
        before = rewards(policy, testing, test_doors)
        policy.learn(steps)
        after = rewards(policy, testing, test_doors)
    finally:
        training.close()
        testing.close()
    for when, found in (("before", before), (f"after {policy.num_timesteps} tries", after)):
        low, high = found.ci95
        print(f"reward {when}: {found.mean:.3f} ({low:.3f} to {high:.3f}, {found.n} doors)")
    if out is not None:
        policy.save(out)
    return before, after


def picture_env(**settings: Any) -> gymnasium.Env[np.ndarray, np.ndarray]:
    """The door bandit with one interaction, and all frames in one image (H, W, 3 M)."""
    return FramesAsChannels(gymnasium.make(ENVIRONMENT, horizon=1, **settings))


def rewards(policy: PPO, env: gymnasium.Env[np.ndarray, np.ndarray], doors: int) -> Estimate:
    """The mean reward of the policy's most likely action on each door, with its interval."""
    found = []
    for door in range(doors):
        observation, _ = env.reset(seed=_TEST_SEED + door)
        action, _ = policy.predict(observation, deterministic=True)
        found.append(env.step(action)[1])
    return bootstrap_mean(np.array(found, dtype=float))


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except DoorlabError as error:
        sys.exit(f"ppo: error: {error}")
