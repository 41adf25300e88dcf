"""Trains PPO of Stable-Baselines3 to open doors on the first try, from pictures alone.

    python examples/ppo.py --steps 20000 --out runs/ppo.zip

It needs `pip install 'doorlab[sb3]'`. What it says in the end is what any policy without doorlab's
models has to be compared with: the rewards on doors of seeds that it was not trained on, before
training and after it. The frames of a door become the channels of one picture, as networks for
single pictures want it; an episode is a single try, because PPO's policy remembers none.
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
_SEEDS = from_to(0, 2**32 - 1)  # that NumPy's older generators take
_TEST_SEED = 10**6  # of the first door that only tests meet


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
    """Returns the mean rewards on test doors before and after training.

    Args:
        steps: Interactions, every one with a door of its own.
        envs: Environments side by side, in this process.
        frames: Pictures of every door.
        image_size: Their height and width, pixels; at least 36.
        prior: Where doors come from: narrow, default, wild.
        simulator: What they are opened in: pybullet, torch.
        test_doors: Doors that rewards are measured on.
        batch: Interactions per environment and update.
        seed: Of the network and of the doors.
        out: Where to save the policy.
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
    """The door bandit with one try, and all frames of a door in one picture (H, W, 3 M)."""
    return FramesAsChannels(gymnasium.make(ENVIRONMENT, horizon=1, **settings))


def rewards(policy: PPO, env: gymnasium.Env[np.ndarray, np.ndarray], doors: int) -> Estimate:
    """The mean reward of the policy's best action on the first try, with its interval."""
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
