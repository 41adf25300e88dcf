"""The door bandit for the EnvHub of LeRobot, which loads `env.py` from a repository of the hub.

    hf upload OWNER/NAME examples/envhub

LeRobot makes the environment with `make_env("OWNER/NAME", n_envs=4, trust_remote_code=True)`, if
doorlab is installed in the same Python environment. Every frame of a door is a camera of the
observation. An episode is successful if the door opens in one of its interactions.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"
HORIZON = 10  # interactions per episode
OPEN = 0.9  # reward from which a door counts as open


class LeRobotDoor(gymnasium.Wrapper[Any, np.ndarray, Any, np.ndarray]):
    """The door bandit with the observations, infos and attributes that LeRobot reads."""

    task = "open_door"
    task_description = "Open the door."

    def __init__(self, env: gymnasium.Env[Any, np.ndarray]) -> None:
        super().__init__(env)
        frames, *shape = env.observation_space["images"].shape  # pyright: ignore
        image = spaces.Box(0, 255, tuple(shape), np.uint8)
        cameras: Any = {f"frame_{number}": image for number in range(frames)}
        self.observation_space = spaces.Dict({"pixels": spaces.Dict(cameras)})

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode with a new door. Ignores the options, which are LeRobot's own."""
        observation, info = self.env.reset(seed=seed)
        return self._cameras(observation), {**info, "is_success": False}

    def step(self, action: np.ndarray) -> tuple[dict[str, Any], Any, bool, bool, dict[str, Any]]:
        """Simulates one interaction; `is_success` in the infos says whether the door is open."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        success = bool(float(reward) >= OPEN)
        return (
            self._cameras(observation),
            reward,
            terminated,
            truncated,
            {**info, "is_success": success},
        )

    def _cameras(self, observation: dict[str, np.ndarray]) -> dict[str, Any]:
        images = observation["images"]
        return {"pixels": {f"frame_{number}": image for number, image in enumerate(images)}}


def make_env(n_envs: int = 1, use_async_envs: bool = False) -> gymnasium.vector.VectorEnv:
    """Makes `n_envs` environments, each in its own process with `use_async_envs`."""
    make_vector: Any = (
        gymnasium.vector.AsyncVectorEnv if use_async_envs else gymnasium.vector.SyncVectorEnv
    )
    return make_vector([_make_door] * n_envs)


def _make_door() -> gymnasium.Env[Any, np.ndarray]:
    # LeRobot reads the length of an episode from the wrapper that `max_episode_steps` adds.
    env = gymnasium.make(ENVIRONMENT, horizon=HORIZON, max_episode_steps=HORIZON)
    return LeRobotDoor(env)
