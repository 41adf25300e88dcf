"""Streams unlimited training doors: sampled from a prior, rendered and simulated on any device.

The doors of a step depend only on the seed and the step number, not on earlier steps, on the other
steps of the same call, or on the number of devices. A resumed run therefore gets the same doors as
an uninterrupted one. Doors follow the distribution of `data.sources.simulation`: the frames are
taken from a sequence whose first frame shows the closed door, and actions follow the same mix.

Shapes: S steps, B doors of a step, D = S B doors, M frames, J interactions, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from doorlab.data.config import ImageSize
from doorlab.data.tensors.batches import DoorData
from doorlab.doors import PRIORS, get_prior
from doorlab.doors.action_mix import ActionMix, sample_actions
from doorlab.doors.batched_sampling import (
    DOOR_NUMBERS,
    VIEW_NUMBERS,
    sample_doors_batched,
    sample_view_columns,
)
from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab.limits import PositiveInt, check_limits
from doorlab.options import Option
from doorlab.runtime.torch_state import thread_defaults
from doorlab.seeding import stream
from doorlab.sim.torch import DoorParams, interact
from doorlab.sim.torch.compilation import CompiledKernels
from doorlab.sim.torch.rendering import render

_CHUNK_PIXELS = 256 * 64 * 64  # rendered at once; limits memory
_CHUNK_INTERACTIONS = 16_384  # simulated at once


@dataclass(frozen=True)
class StreamConfig:
    """Distribution of streamed doors. Raises ConfigError for an unknown prior or bad numbers."""

    prior: Annotated[str, Option(tuple(PRIORS), ("--prior",))] = DEFAULT_PRIOR
    """Prior of streamed doors: narrow (one appearance for all doors), narrow_moving (narrow with a
    new camera pose in every frame), default (all appearances), wild. An import path MODULE:NAME of
    a DoorPrior and a JSON file of its ranges (FILE.json) are accepted, too."""
    image_size: Annotated[ImageSize, Option(aliases=("--image-size",))] = 64
    """Height and width of a frame of streamed doors, pixels."""
    sequence_length: Annotated[PositiveInt, Option(aliases=("--sequence-length",))] = 8
    """Frames in the sequence of a streamed door, of which --frames are sampled. The first frame
    shows the closed door."""
    action_mix: Annotated[ActionMix, Option(aliases=("--action-mix",))] = "plausible"
    """Distribution of the actions on streamed doors, uniform or plausible: see `doorlab generate`.
    """

    def __post_init__(self) -> None:
        check_limits(self, "--stream.")
        get_prior(self.prior)


@dataclass(frozen=True)
class StreamSpec:
    """Numbers of doors, frames and interactions to sample at every step."""

    name: str
    """Name of the random stream; other names give other doors."""
    doors: int
    """Doors per step."""
    frames: int
    """Frames per door, in random order; at most `StreamConfig.sequence_length`."""
    interactions: int
    """Interactions per door."""
    process: int = 0
    """Index of this process among `processes`."""
    processes: int = 1
    """Number of processes that share the doors of every step."""

    @property
    def rows(self) -> slice:
        """The slice of a step's doors that belongs to this process."""
        share = self.doors // self.processes
        return slice(self.process * share, (self.process + 1) * share)


class DoorStream:
    """Samples doors, renders their frames and simulates interactions.

    Args:
        config: distribution of the doors.
        seed: of all random streams.
        device: device for computation and for the results.
        num_images: total number of images that will be rendered. Determines whether the ray
            caster is compiled; the images are the same either way.
    """

    def __init__(
        self,
        config: StreamConfig,
        seed: int = 0,
        device: torch.device | str = "cpu",
        num_images: int = 0,
    ) -> None:
        self._config, self._seed, self._device = config, seed, torch.device(device)
        self._prior = get_prior(config.prior)
        self._kernels = CompiledKernels(None)
        self._kernels.expect(num_images, config.image_size)

    @thread_defaults()
    @torch.no_grad()
    def draw(self, wanted: StreamSpec, steps: range) -> list[DoorData]:
        """Samples the doors of every step. `optimal_reward` is not computed: NaN."""
        doors = sample_doors_batched(
            self._prior, self._numbers(wanted, "door", steps, DOOR_NUMBERS)
        )
        joint_position = self._joint_positions(wanted, steps, doors["opening_limit"])
        numbers = self._numbers(wanted, "view", steps, wanted.frames, VIEW_NUMBERS)
        views = sample_view_columns(self._prior, doors["place"], numbers)
        actions = self._actions(wanted, steps)
        columns = DoorParams.from_arrays(doors, self._device)
        joints = torch.as_tensor(joint_position, device=self._device)
        whole = DoorData(
            images=self._render(columns, joints, views),
            joint_position=joints,
            actions=torch.as_tensor(actions, device=self._device),
            rewards=self._simulate(columns, actions),
            optimal_reward=columns["width"].new_full((len(columns),), torch.nan),
            indices=torch.from_numpy(self._indices(wanted, steps)),
        )
        each = len(columns) // max(1, len(steps))
        parts = zip(*(value.split(each) for value in vars(whole).values()), strict=True)
        return [DoorData(*part) for part in parts] if len(columns) else []

    def _numbers(self, wanted: StreamSpec, what: str, steps: range, *shape: int) -> np.ndarray:
        """Uniform random numbers (D, *shape) for the doors of this process."""
        of_steps = [
            stream(self._seed, "fresh", wanted.name, what, step).random((wanted.doors, *shape))[
                wanted.rows
            ]
            for step in steps
        ]
        return np.concatenate(of_steps) if of_steps else np.zeros((0, *shape))

    def _joint_positions(self, wanted: StreamSpec, steps: range, limit: np.ndarray) -> np.ndarray:
        """float32 (D, M): random frames of sequences whose first frame is closed."""
        length = self._config.sequence_length
        order = self._numbers(wanted, "frame", steps, length).argsort(axis=1)[:, : wanted.frames]
        positions = self._numbers(wanted, "joint", steps, length) * limit[:, None]
        positions[:, 0] = 0.0
        return np.take_along_axis(positions, order, axis=1).astype(np.float32)

    def _actions(self, wanted: StreamSpec, steps: range) -> np.ndarray:
        config, shape = self._config, (wanted.doors, wanted.interactions)
        slides = self._prior.sliding_probability
        of_steps = [
            sample_actions(
                stream(self._seed, "fresh", wanted.name, "action", step),
                shape,
                config.action_mix,
                slides,
            )[wanted.rows]
            for step in steps
        ]
        return np.concatenate(of_steps) if of_steps else np.zeros((0, *shape[1:], 4), np.float32)

    def _indices(self, wanted: StreamSpec, steps: range) -> np.ndarray:
        """int64 (D,): doors are numbered consecutively across steps."""
        rows = np.arange(wanted.doors)[wanted.rows]
        return (np.array(steps, np.int64)[:, None] * wanted.doors + rows).reshape(-1)

    def _render(self, doors: DoorParams, joints: Tensor, views: np.ndarray) -> Tensor:
        """Renders the frames: uint8 (D, M, 3, H, W)."""
        size, count = self._config.image_size, joints.numel()
        cameras = torch.as_tensor(views.astype(np.float32), device=self._device).flatten(0, 1)
        of_frame = torch.arange(count, device=self._device) // joints.shape[1]
        images = torch.empty((count, 3, size, size), dtype=torch.uint8, device=self._device)
        chunk = max(1, _CHUNK_PIXELS // size**2)
        for at in (slice(n, n + chunk) for n in range(0, count, chunk)):
            frames = doors.take(of_frame[at]), joints.flatten()[at], cameras[at], size
            images[at] = render(*frames, kernels=self._kernels).images
        return images.view(*joints.shape, 3, size, size)

    def _simulate(self, doors: DoorParams, actions: np.ndarray) -> Tensor:
        """Simulates the actions: rewards, float32 (D, J)."""
        pulls = torch.as_tensor(actions, device=self._device)
        rewards = pulls.new_zeros(pulls.shape[:2])
        chunk = max(1, _CHUNK_INTERACTIONS // max(1, pulls.shape[1]))
        for at in (slice(n, n + chunk) for n in range(0, len(doors), chunk)):
            if rewards.shape[1]:
                rewards[at] = interact(doors.take(at), pulls[at]).rewards
        return rewards
