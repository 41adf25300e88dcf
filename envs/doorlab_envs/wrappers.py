"""Wrappers for the door bandit that Gymnasium does not provide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from doorlab.data.video_writer import encode_video
from doorlab.errors import ConfigError
from doorlab.storage.files import atomic_write_bytes


class FramesAsChannels(
    gymnasium.ObservationWrapper[np.ndarray, np.ndarray, dict[str, np.ndarray]],
    RecordConstructorArgs,
):
    """Combines all frames of a door into one image, (H, W, 3 M), for networks that take one image.

    Stable-Baselines3's `CnnPolicy` applies convolutions to such an image. Its `MultiInputPolicy`
    only supports images of three axes, and flattens `images` of (M, H, W, 3) into one vector,
    which requires millions of weights.

        env = FramesAsChannels(gymnasium.make("doorlab_envs:doorlab/DoorBandit-v0", frames=2))
        PPO("CnnPolicy", env)

    Args:
        env: a door bandit. The image side in pixels should exceed the number of channels, because
            Stable-Baselines3 treats the shortest axis as the channels.

    Raises ConfigError for an environment with other observations.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gymnasium.ObservationWrapper.__init__(self, env)
        space = env.observation_space
        images = space.spaces.get("images") if isinstance(space, spaces.Dict) else None
        if images is None or images.shape is None or len(images.shape) != 4:
            raise ConfigError(
                "an environment with observations {'images': (frames, height, width, 3)}",
                f"{space}",
                "wrap doorlab/DoorBandit-v0 itself",
            )
        frames, height, width, colors = images.shape
        self.observation_space = spaces.Box(0, 255, (height, width, frames * colors), np.uint8)

    def observation(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        """uint8 (H, W, 3 M): red, green and blue of the first frame, then of the others."""
        return np.concatenate(list(observation["images"]), axis=-1)


class RecordInteractionVideo(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Writes a video of every episode, with all images of all interactions, as H.264 in MP4.

    `gymnasium.wrappers.RecordVideo` would keep only the last image of every interaction. The video
    of an episode is written at its end: at its last step, at the next reset, or when the
    environment is closed.

    Args:
        env: an environment with the render mode "rgb_array_list".
        folder: folder for episode-0.mp4 and so on; existing files are replaced.
        episode_trigger: maps the number of an episode, from 0, to whether to record it; None: all.

    Raises ConfigError for another render mode, ResultError if a video cannot be written.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        folder: str | Path,
        episode_trigger: Callable[[int], bool] | None = None,
    ) -> None:
        RecordConstructorArgs.__init__(self, folder=folder, episode_trigger=episode_trigger)
        gymnasium.Wrapper.__init__(self, env)
        if env.render_mode != "rgb_array_list":
            raise ConfigError(
                'an environment with render_mode="rgb_array_list"',
                repr(env.render_mode),
                "pass it to gymnasium.make",
            )
        self._folder, self._wanted = Path(folder), episode_trigger
        self._episode, self._frames = -1, []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Writes the video of the last episode, and starts a new episode."""
        self._write()
        result = super().reset(seed=seed, options=options)
        self._episode += 1
        self._write_video()
        return result

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Executes one step and records its images."""
        result = super().step(action)
        self._write_video()
        if result[2] or result[3]:
            self._write()
        return result

    def render(self) -> Any:
        """The images recorded in the current episode; empty after its video was written."""
        return list(self._frames)

    def close(self) -> None:
        """Writes the last video, and closes the environment."""
        self._write()
        super().close()

    def _write_video(self) -> None:
        if self._wanted is None or self._wanted(self._episode):
            self._frames += super().render()  # pyright: ignore[reportOperatorIssue]

    def _write(self) -> None:
        if self._frames:
            video = encode_video(np.stack(self._frames), self.metadata["render_fps"])
            atomic_write_bytes(self._folder / f"episode-{self._episode}.mp4", video)
        self._frames = []
