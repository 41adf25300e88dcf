"""Shared by the single and the vector environment: D doors, their simulator, and rendering.

Legend: D doors, M frames per door, T control steps, H, W pixels.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from doorlab.doors import ACTION_DIM, Door, View
from doorlab.errors import ConfigError
from doorlab.sim import InteractionResult, make_simulator, resolve_simulator
from doorlab_envs.arguments import RENDER_MODES, Arguments
from doorlab_envs.door_sources import DoorBatch, DoorSource, PriorProblems, RecordedProblems
from doorlab_envs.videos import VIDEO_RATE, InteractionVideo

_RENDER_SIZE = 256  # pixels
_STILL_RATE = 2  # frames/s, of a video with one image per interaction


class DoorBanditCore:
    """D doors and the simulator of their interactions.

    Raises ConfigError for a setting that is unknown or out of range.
    """

    def __init__(self, arguments: Arguments) -> None:
        a, name = arguments, resolve_simulator(arguments.simulator)
        self._simulator = make_simulator(name)
        try:
            self.source: DoorSource = (
                PriorProblems(self._simulator, a.prior, a.frames, a.image_size)
                if a.doors_from is None
                else RecordedProblems(
                    self._simulator, a.doors_from, a.split, a.frames, a.image_size, name
                )
            )
        except BaseException:
            self._simulator.close()
            raise
        self.action_space = spaces.Box(-1.0, 1.0, (ACTION_DIM,), np.float32)
        self.observation_space = spaces.Dict(
            {"images": spaces.Box(0, 255, (a.frames, a.image_size, a.image_size, 3), np.uint8)}
        )
        self._render_mode, self._is_closed = a.render_mode, False
        self._problems: DoorBatch | None = None
        self._last: InteractionResult | None = None
        self._videos: list[
            list[InteractionVideo]
        ] = []  # one per door, of everything since the last `render`

    @property
    def metadata(self) -> dict[str, Any]:
        """Gymnasium's metadata: render modes and frame rate."""
        fps = VIDEO_RATE if self._render_mode == "rgb_array_list" else _STILL_RATE
        return {"render_modes": list(RENDER_MODES), "render_fps": fps}

    @property
    def problems(self) -> DoorBatch:
        """The doors of this episode. Raises ConfigError before the first reset."""
        if self._problems is None:
            raise ConfigError("a reset before any other call", "none", "call reset() first")
        return self._problems

    def reset(self, keys: Sequence[int]) -> None:
        """Loads one door per key, closed."""
        self._require_open()
        self._problems, self._last = self.source.make(keys), None
        self._videos = [[InteractionVideo.closed()] for _ in keys]

    def interact(self, actions: np.ndarray) -> dict[str, np.ndarray]:
        """Simulates one complete interaction per door.

        Args:
            actions: (D, 4) in Box(-1, 1), checked.

        Returns:
            Arrays of shape (D,): reward, optimal_reward, regret, joint_position, slipped.
        """
        self._require_open()
        problems = self.problems
        self._last = self._simulator.interact(
            problems.doors, actions[:, None], record=self._render_mode is not None
        )
        if self._render_mode == "rgb_array_list":
            for number, videos in enumerate(self._videos):
                videos.append(InteractionVideo.of_interaction(self._last, number))
        rewards = self._last.rewards[:, 0].astype(np.float64)
        optimal = problems.optimal_rewards.astype(np.float64)
        return {
            "reward": rewards,
            "optimal_reward": optimal,
            "regret": optimal - rewards,
            "joint_position": self._last.joint_positions[:, 0].astype(np.float64),
            "slipped": self._last.slipped[:, 0],
        }

    @property
    def trajectories(self) -> np.ndarray | None:
        """float32 (D, T): joint positions (rad; m if sliding) in the last interaction, if recorded.

        One per control step, constant after the end.
        """
        if self._last is None or self._last.trajectories is None:
            return None
        return self._last.trajectories[:, 0]

    def render(self) -> list[Any] | None:
        """Renders every door.

        Returns:
            In the mode "rgb_array", an image uint8 (256, 256, 3) of the door after the last
            interaction, or closed. In the mode "rgb_array_list", a list of images: the videos of
            all interactions since the last call; after a reset, the first image shows the closed
            door. None without a render mode.
        """
        self._require_open()
        if self._render_mode is None:
            gymnasium.logger.warn(
                f"pass a render_mode ({', '.join(RENDER_MODES)}) when creating the environment"
            )
            return None
        if self._render_mode == "rgb_array_list":
            return self._develop()
        doors = self.problems.doors
        closed = np.zeros((len(doors), 1))
        positions = closed if self._last is None else self._last.joint_positions
        views = [[still_view(door)] for door in doors]
        return list(self._simulator.render(doors, positions, views, _RENDER_SIZE).images[:, 0])

    def _develop(self) -> list[list[np.ndarray]]:
        doors = self.problems.doors
        videos, self._videos = self._videos, [[] for _ in doors]
        return [
            [
                frame
                for video in of_door
                for frame in video.render(self._simulator, door, still_view(door), _RENDER_SIZE)
            ]
            for door, of_door in zip(doors, videos, strict=True)
        ]

    def close(self) -> None:
        """Frees the simulator. Repeated calls have no effect."""
        self._is_closed = True
        self._simulator.close()

    def _require_open(self) -> None:
        """Raises ConfigError after `close`."""
        if self._is_closed:
            raise ConfigError(
                "an open environment", "a closed one", "create another with gymnasium.make"
            )


def still_view(door: Door) -> View:
    """A camera in front of the middle of the wall, like that of the default prior."""
    return View(eye=(-door.place, -3.05, 1.5), target=(-door.place, 0.0, 1.05), field_of_view=0.86)


def step_info(outcome: dict[str, Any]) -> dict[str, Any]:
    """The entries of an outcome that belong to Gymnasium's `info`."""
    return {name: value for name, value in outcome.items() if name != "reward"}


def spec_with_horizon(spec: EnvSpec | None, horizon: int) -> EnvSpec | None:
    """A copy of the spec of an environment with `horizon` as its `max_episode_steps`.

    `gymnasium.make` sets a spec without `max_episode_steps`, because the horizon is an argument of
    the environment, which ends its episodes itself.
    """
    if spec is None:
        return None
    spec = copy.copy(spec)
    spec.max_episode_steps = horizon
    return spec
