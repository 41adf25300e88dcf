"""Training without a dataset: new doors for every step, sampled on the device of the run.

A thread samples the doors of several steps at once, one portion ahead of the training. The doors of
a step do not depend on the portions (see `doorlab.data.tensors.stream`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from doorlab.data.dataset import DoorDataset
from doorlab.data.tensors.batches import DoorData
from doorlab.data.tensors.stream import DoorStream, StreamSpec
from doorlab.errors import ConfigError
from doorlab.learning.config import LearningConfig
from doorlab.parallel.prefetch import Prefetcher
from doorlab.training.fabric import Fabric

_PORTION_STEPS = 16
_PORTION_PIXELS = 8192 * 64 * 64  # pixels per portion; limits memory


@dataclass(frozen=True)
class StreamSchedule:
    """Doors for some steps of a run, for all processes together."""

    wanted: StreamSpec
    steps: range


def check_fresh(config: LearningConfig) -> None:
    """Raises ConfigError if streamed doors have fewer frames than requested."""
    if not 1 <= config.frames <= config.stream.sequence_length:
        raise ConfigError(
            f"--frames from 1 to the {config.stream.sequence_length} of a sequence",
            f"{config.frames}",
            "ask for fewer, or raise --sequence-length",
        )


def load_validation(
    config: LearningConfig,
    dataset: DoorDataset | None,
    device: torch.device,
    interactions: int = 0,
) -> DoorData | None:
    """Validation doors of the dataset; without a dataset, streamed doors that no step uses.

    Streamed validation doors have all frames of their sequences, and are the same for all seeds.
    """
    count = config.validation_doors
    if dataset is not None:
        count = min(len(dataset.indices("validation")), count)
    if count <= 0:
        return None
    if dataset is not None:
        return DoorData.load(dataset, "validation", device, count)
    doors = DoorStream(config.stream, 0, device)
    return doors.draw(
        StreamSpec("validation", count, config.stream.sequence_length, interactions), range(1)
    )[0]


def whitening_doors(config: LearningConfig, device: torch.device, count: int) -> DoorData:
    """Streamed doors that no training step uses; the same for all processes."""
    doors = DoorStream(config.stream, config.seed, device)
    return doors.draw(StreamSpec("typical", count, config.frames, 0), range(1))[0]


class OnlineDataLoader:
    """The streamed doors of every step. A context manager, because it uses a thread.

    Args:
        config: config of the run.
        fabric: rank and device of this process.
        plans: schedules of the run.
    """

    def __init__(
        self, config: LearningConfig, fabric: Fabric, plans: Iterable[StreamSchedule]
    ) -> None:
        plans = list(plans)
        share = {"process": fabric.global_rank, "processes": fabric.world_size}
        self._plans = [replace(p, wanted=replace(p.wanted, **share)) for p in plans]
        num_images = sum(_images_per_step(p) * len(p.steps) for p in self._plans)
        self._doors = DoorStream(config.stream, config.seed, fabric.device, num_images)
        self._seen = sum(p.wanted.doors * len(p.steps) for p in plans)
        self._device, self._size = fabric.device, _portion_size(config, self._plans)
        self._ahead = Prefetcher(self._draw, -(-config.steps // self._size))
        self._start, self._seconds = time.perf_counter(), 0.0

    def at(self, step: int, schedule: StreamSchedule) -> DoorData:
        """The doors of a schedule at a step, for this process."""
        portion, place = divmod(step, self._size)
        return self._ahead(portion)[place][schedule.wanted.name]

    def __enter__(self) -> OnlineDataLoader:
        return self

    def __exit__(self, *error: Any) -> None:
        self._ahead.close()

    def metrics(self) -> dict[str, Any]:
        """For metrics.json: number of doors of the run, and fractions of this process's time.

        A thread samples doors during training, so training waits for a part of the sampling time.
        """
        elapsed = time.perf_counter() - self._start
        return {
            "doors_seen": self._seen,
            "drawing_share": self._seconds / elapsed,
            "waiting_share": self._ahead.waited / elapsed,
        }

    def _draw(self, portion: int) -> list[dict[str, DoorData]]:
        start = time.perf_counter()
        first = portion * self._size
        found: list[dict[str, DoorData]] = [{} for _ in range(self._size)]
        for plan in self._plans:
            low, high = max(first, plan.steps.start), min(first + self._size, plan.steps.stop)
            streamed = self._doors.draw(plan.wanted, range(low, max(low, high)))
            for step, doors in enumerate(streamed, low):
                found[step - first][plan.wanted.name] = doors
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self._seconds += time.perf_counter() - start
        return found


def _images_per_step(plan: StreamSchedule) -> int:
    """Images per step of this process."""
    rows = range(plan.wanted.doors)[plan.wanted.rows]
    return len(rows) * plan.wanted.frames


def _portion_size(config: LearningConfig, plans: Sequence[StreamSchedule]) -> int:
    """Number of steps that are sampled at once."""
    pixels = config.stream.image_size**2 * max(1, *(_images_per_step(plan) for plan in plans))
    return max(1, min(_PORTION_STEPS, _PORTION_PIXELS // pixels))
