"""What Gymnasium's own wrappers do not do for the door bandit."""

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
    """All frames of a door in one picture, (H, W, 3 M): what networks for single pictures take.

    Stable-Baselines3's `CnnPolicy` sees such a picture with convolutions. Its `MultiInputPolicy`
    knows pictures of three axes alone, and flattens `images` of (M, H, W, 3) into one vector, with
    millions of weights behind it.

        env = FramesAsChannels(gymnasium.make("doorlab_envs:doorlab/DoorBandit-v0", frames=2))
        PPO("CnnPolicy", env)

    Args:
        env: a door bandit. Its pictures should have more pixels to a side than there are channels:
            Stable-Baselines3 takes the shortest axis for that of the channels.

    Raises ConfigError for an environment whose observations are others.
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
    """Writes a film of every episode: all pictures of all its interactions, as H.264 in MP4.

    `gymnasium.wrappers.RecordVideo` would keep the last picture of every interaction. An episode's
    film is written when it ends: at its last step, at the next reset, or when the environment is
    closed.

    Args:
        env: an environment of the render mode "rgb_array_list".
        folder: where episode-0.mp4 and so on are written; earlier ones of a name are replaced.
        episode_trigger: says of an episode's number, from 0 on, whether it is filmed; None: of all.

    Raises ConfigError for another render mode, ResultError when a film can't be written.
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
                "give it to gymnasium.make",
            )
        self._folder, self._wanted = Path(folder), episode_trigger
        self._episode, self._frames = -1, []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """A new episode, after the film of the one before."""
        self._write()
        found = super().reset(seed=seed, options=options)
        self._episode += 1
        self._film()
        return found

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One interaction, filmed."""
        found = super().step(action)
        self._film()
        if found[2] or found[3]:
            self._write()
        return found

    def render(self) -> Any:
        """The pictures of the film that is being taken; none once it is written."""
        return list(self._frames)

    def close(self) -> None:
        """Writes what was filmed last."""
        self._write()
        super().close()

    def _film(self) -> None:
        if self._wanted is None or self._wanted(self._episode):
            self._frames += super().render()  # pyright: ignore[reportOperatorIssue]

    def _write(self) -> None:
        if self._frames:
            film = encode_video(np.stack(self._frames), self.metadata["render_fps"])
            atomic_write_bytes(self._folder / f"episode-{self._episode}.mp4", film)
        self._frames = []
