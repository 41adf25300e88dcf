"""Sources of doors for the environments: a prior, or a recorded dataset.

A *key* is the integer that identifies one door: with a prior, the seed with which the door, its
cameras and its frames are sampled; with a dataset, the door's index.

Legend: D doors, M frames per door, H, W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.data.sources.simulation import (
    GenerationConfig,
    joint_positions,
    make_door,
    passive_views,
)
from doorlab.doors import Door
from doorlab.errors import ConfigError
from doorlab.sim import Simulator, optimal_rewards

_LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class DoorBatch:
    """Doors of an episode.

    Attributes:
        doors: D doors.
        images: uint8 (D, M, H, W, 3), passive frames; the first of every door shows it closed.
        optimal_rewards: float32 (D,), rewards of the oracle in the simulator in use.
    """

    doors: list[Door]
    images: np.ndarray
    optimal_rewards: np.ndarray


class DoorSource(Protocol):
    """Samples keys, and loads the doors that keys identify."""

    def draw(self, rng: np.random.Generator) -> int:
        """Samples a key."""
        ...

    def make(self, keys: Sequence[int]) -> DoorBatch:
        """Loads one door per key. Raises ConfigError for an unknown key."""
        ...


class PriorProblems:
    """Doors sampled and rendered on request: door 0 of the dataset that has the key as its seed."""

    def __init__(self, simulator: Simulator, prior: str, frames: int, image_size: int) -> None:
        self._simulator = simulator
        self._config = GenerationConfig(
            doors=1, frames=frames, interactions=0, image_size=image_size, prior=prior, videos=0
        )
        _ = self._config.door_prior  # an unknown name is an error now, not at the first reset

    def draw(self, rng: np.random.Generator) -> int:
        """Samples a seed."""
        return int(rng.integers(_LARGEST_SEED))

    def make(self, keys: Sequence[int]) -> DoorBatch:
        """Samples the doors, renders their frames, and simulates the oracle's actions."""
        configs = [self._config.with_seed(int(key)) for key in keys]
        doors = [make_door(config, 0) for config in configs]
        pairs = list(zip(configs, doors, strict=True))
        images = self._simulator.render(
            doors,
            np.stack([joint_positions(config, 0, door) for config, door in pairs]),
            [passive_views(config, 0, door) for config, door in pairs],
            self._config.image_size,
        ).images
        return DoorBatch(doors, images, optimal_rewards(self._simulator, doors))


class RecordedProblems:
    """Doors and frames of one split of a dataset, as they were recorded.

    Args:
        simulator: simulator of the interactions.
        path: folder of the dataset.
        split: a name in `SPLITS`.
        frames: number of frames per door; the first ones are used.
        image_size: height and width of a frame, pixels; must be that of the dataset.
        made_by: argument of `make_simulator`; by default the name of the simulator, which may not
            be unique among simulators from outside doorlab.
    """

    def __init__(
        self,
        simulator: Simulator,
        path: str | Path,
        split: str,
        frames: int,
        image_size: int,
        made_by: str | None = None,
    ) -> None:
        self._simulator, self._dataset = simulator, DoorDataset.open(path)
        self._made_by = simulator.name if made_by is None else made_by
        self._split, self._frames = split, frames
        _check_frames(self._dataset, frames, image_size)

    @cached_property
    def _indices(self) -> np.ndarray:
        # Read at the first reset: a process forked after reading needs a reader subprocess, and
        # Gymnasium's "async" creates one environment before it forks.
        indices = self._dataset.indices(self._split)
        if not len(indices):
            raise ConfigError(
                f"doors in the split {self._split!r} of {self._dataset.path}",
                "none",
                "choose another split",
            )
        return indices

    def draw(self, rng: np.random.Generator) -> int:
        """Samples the index of a door of the split."""
        return int(rng.choice(self._indices))

    def make(self, keys: Sequence[int]) -> DoorBatch:
        """Reads the doors and the first frames of each.

        Recorded rewards of the oracle are valid in the recording simulator only; for another
        simulator the oracle's actions are simulated again.
        """
        strangers = sorted(set(keys) - set(self._indices.tolist()))
        if strangers:
            raise ConfigError(
                f"indices of doors in the split {self._split!r}",
                f"{', '.join(map(str, strangers[:5]))}",
                "take them from DoorDataset.indices(split)",
            )
        indices = np.asarray(keys)
        doors = self._dataset.doors(indices)
        return DoorBatch(
            doors,
            self._dataset.read("images", indices)[:, : self._frames],
            self._dataset.read("optimal_reward", indices)
            if self._dataset.generation.simulator == self._made_by
            else optimal_rewards(self._simulator, doors),
        )


def _check_frames(dataset: DoorDataset, frames: int, image_size: int) -> None:
    if not 1 <= frames <= dataset.frames:
        raise ConfigError(
            f"frames from 1 to the {dataset.frames} recorded ones", f"{frames}", "change frames"
        )
    if image_size != dataset.image_size:
        raise ConfigError(
            f"image_size={dataset.image_size}, as recorded", f"{image_size}", "change image_size"
        )
