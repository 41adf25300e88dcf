"""Trains PPO of Stable-Baselines3 to open doors in one interaction, from images only.

    python examples/ppo.py --steps 20000 --out runs/ppo.zip

It needs `pip install 'doorlab[sb3]'`. The program prints the mean reward on test doors, whose seeds
are not used in training, before and after training. These rewards are a baseline for policies
without doorlab's models. The frames of a door become the channels of one image, because the
networks of PPO accept single images. An episode has one interaction, because the policy of PPO has
no memory.
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
_SEEDS = from_to(0, 2**32 - 1)  # seeds that NumPy's legacy generators accept
_TEST_SEED = 10**6  # seed of the first test door


def main(
    steps: int = 20_000,
    envs: int = 8,
    frames: int = 2,
    image_size: int = 64,
    prior: str = DEFAULT_PRIOR,
    simulator: str = "auto",
    test_doors: int = 200,
    batch: int = 64,
    seed: int = 0,
    out: Path | None = None,
) -> tuple[Estimate, Estimate]:
    """Trains a policy; returns the mean rewards on test doors before and after training.

    Args:
        steps: Interactions, each with a new door.
        envs: Number of environments, all in this process.
        frames: Images per door.
        image_size: Height and width of the images, pixels; at least 36.
        prior: Prior of the doors: narrow, default, wild.
        simulator: Simulator: auto, pybullet, torch.
        test_doors: Number of test doors.
        batch: Interactions per environment and update.
        seed: Seed of the network and of the training doors.
        out: File of the trained policy. Default: not saved.
    """
    if not _SEEDS.admits(seed):
        raise ConfigError(f"--seed as {_SEEDS}", f"{seed}", "correct --seed")
    settings = {"prior": prior, "simulator": simulator, "image_size": image_size, "frames": frames}
    training = make_vec_env(lambda: image_env(**settings), n_envs=envs, seed=seed)
    testing = image_env(**settings)
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
    for when, found in (("before", before), (f"after {policy.num_timesteps} interactions", after)):
        low, high = found.ci95
        print(f"reward {when}: {found.mean:.3f} ({low:.3f} to {high:.3f}, {found.n} doors)")
    if out is not None:
        policy.save(out)
    return before, after


def image_env(**settings: Any) -> gymnasium.Env[np.ndarray, np.ndarray]:
    """The door bandit with one interaction, and all frames of a door in one image (H, W, 3 M)."""
    return FramesAsChannels(gymnasium.make(ENVIRONMENT, horizon=1, **settings))


def rewards(policy: PPO, env: gymnasium.Env[np.ndarray, np.ndarray], doors: int) -> Estimate:
    """The mean reward of the policy's greedy action in the first interaction, with its interval."""
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
