"""Doors that nobody has seen: drawn from a prior, filmed and tried, on any device, without a disk.

Which doors a step gets depends on the seed and the number of the step alone, whatever was drawn
before, with whichever other steps, and on how many devices: a run that is resumed goes on with
the doors that it would have had. They follow the distribution of `data.sources.simulation`: frames
are some of a film whose first frame is shut, actions those of the same mix.

Shapes: S steps, B doors of a step, D = S B doors, M frames, J interactions, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from doorlab.data.config import ImageSize
from doorlab.data.sources.simulation import ActionMix, sample_actions
from doorlab.data.tensors.batches import DoorData
from doorlab.doors import get_prior
from doorlab.doors.batched_sampling import (
    DOOR_NUMBERS,
    VIEW_NUMBERS,
    sample_doors_batched,
    sample_view_columns,
)
from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab.limits import PositiveInt, Seed, check_limits
from doorlab.runtime.torch_state import thread_defaults
from doorlab.seeding import stream
from doorlab.sim.torch import DoorParams, interact
from doorlab.sim.torch.compilation import CompiledKernels
from doorlab.sim.torch.rendering import render

_CHUNK_PIXELS = 256 * 64 * 64  # rendered at once: bounds memory
_CHUNK_INTERACTIONS = 16_384  # simulated at once


@dataclass(frozen=True)
class FreshConfig:
    """What kind of doors, and how they are filmed. Raises ConfigError for what can't be drawn."""

    prior: str = DEFAULT_PRIOR
    image_size: ImageSize = 64
    sequence_length: PositiveInt = 8
    action_mix: ActionMix = "plausible"
    seed: Seed = 0

    def __post_init__(self) -> None:
        check_limits(self)
        get_prior(self.prior)


@dataclass(frozen=True)
class StreamSpec:
    """What is wanted of every step."""

    name: str
    """Of the stream of doors: others are other doors."""
    doors: int
    """Doors per step."""
    frames: int
    """Frames of each, out of its film, in any order; at most as many as it has."""
    interactions: int
    """Interactions with each."""
    process: int = 0
    """Which of several processes this one is ..."""
    processes: int = 1
    """... that share the doors of every step."""

    @property
    def rows(self) -> slice:
        """Out of the doors of a step, those of this process."""
        share = self.doors // self.processes
        return slice(self.process * share, (self.process + 1) * share)


class DoorStream:
    """Draws doors.

    Args:
        config: of what kind.
        device: where to draw and where the doors lie.
        pictures: how many will be asked for in all, by which it decides whether to compile the
            ray caster. The pictures are the same.
    """

    def __init__(
        self, config: FreshConfig, device: torch.device | str = "cpu", pictures: int = 0
    ) -> None:
        self._config, self._device = config, torch.device(device)
        self._prior = get_prior(config.prior)
        self._kernels = CompiledKernels(None)
        self._kernels.expect(pictures, config.image_size)

    @thread_defaults()
    @torch.no_grad()
    def draw(self, wanted: StreamSpec, steps: range) -> list[DoorData]:
        """The doors of every step. What the oracle obtains is not known: NaN."""
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
            images=self._film(columns, joints, views),
            joint_position=joints,
            actions=torch.as_tensor(actions, device=self._device),
            rewards=self._try(columns, actions),
            optimal_reward=columns["width"].new_full((len(columns),), torch.nan),
            indices=torch.from_numpy(self._indices(wanted, steps)),
        )
        each = len(columns) // max(1, len(steps))
        parts = zip(*(value.split(each) for value in vars(whole).values()), strict=True)
        return [DoorData(*part) for part in parts] if len(columns) else []

    def _numbers(self, wanted: StreamSpec, what: str, steps: range, *shape: int) -> np.ndarray:
        """Uniform numbers (D, *shape) of the wanted rows."""
        of_steps = [
            stream(self._config.seed, "fresh", wanted.name, what, step).random(
                (wanted.doors, *shape)
            )[wanted.rows]
            for step in steps
        ]
        return np.concatenate(of_steps) if of_steps else np.zeros((0, *shape))

    def _joint_positions(self, wanted: StreamSpec, steps: range, limit: np.ndarray) -> np.ndarray:
        """float32 (D, M): frames out of films of which the first is shut."""
        film = self._config.sequence_length
        order = self._numbers(wanted, "frame", steps, film).argsort(axis=1)[:, : wanted.frames]
        positions = self._numbers(wanted, "joint", steps, film) * limit[:, None]
        positions[:, 0] = 0.0
        return np.take_along_axis(positions, order, axis=1).astype(np.float32)

    def _actions(self, wanted: StreamSpec, steps: range) -> np.ndarray:
        config, shape = self._config, (wanted.doors, wanted.interactions)
        slides = self._prior.sliding_probability
        of_steps = [
            sample_actions(
                stream(config.seed, "fresh", wanted.name, "action", step),
                shape,
                config.action_mix,
                slides,
            )[wanted.rows]
            for step in steps
        ]
        return np.concatenate(of_steps) if of_steps else np.zeros((0, *shape[1:], 4), np.float32)

    def _indices(self, wanted: StreamSpec, steps: range) -> np.ndarray:
        """int64 (D,): a step's doors are numbered on from those of the step before."""
        rows = np.arange(wanted.doors)[wanted.rows]
        return (np.array(steps, np.int64)[:, None] * wanted.doors + rows).reshape(-1)

    def _film(self, doors: DoorParams, joints: Tensor, views: np.ndarray) -> Tensor:
        """uint8 (D, M, 3, H, W)."""
        size, count = self._config.image_size, joints.numel()
        cameras = torch.as_tensor(views.astype(np.float32), device=self._device).flatten(0, 1)
        of_frame = torch.arange(count, device=self._device) // joints.shape[1]
        images = torch.empty((count, 3, size, size), dtype=torch.uint8, device=self._device)
        chunk = max(1, _CHUNK_PIXELS // size**2)
        for at in (slice(n, n + chunk) for n in range(0, count, chunk)):
            frames = doors.take(of_frame[at]), joints.flatten()[at], cameras[at], size
            images[at] = render(*frames, kernels=self._kernels).images
        return images.view(*joints.shape, 3, size, size)

    def _try(self, doors: DoorParams, actions: np.ndarray) -> Tensor:
        """float32 (D, J)."""
        pulls = torch.as_tensor(actions, device=self._device)
        rewards = pulls.new_zeros(pulls.shape[:2])
        chunk = max(1, _CHUNK_INTERACTIONS // max(1, pulls.shape[1]))
        for at in (slice(n, n + chunk) for n in range(0, len(doors), chunk)):
            if rewards.shape[1]:
                rewards[at] = interact(doors.take(at), pulls[at]).rewards
        return rewards
