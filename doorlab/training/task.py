"""What a training run consists of: phases, each with its own batches, loss and schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Metrics = Mapping[str, float]
"""Metrics of a validation: name -> value."""
Loss = Callable[[Any, Any], tuple[Tensor, dict[str, Tensor]]]
"""(model, batch) -> (loss, scalars to log)."""
Batches = Callable[[int, torch.Generator, int], Any]
"""(step of the run, generator, batch size) -> a batch, on the device of the run.

The loss converts images to floats: until then several batches may wait in memory.
"""
Monitor = Callable[[Metrics], float]
"""Validation metrics -> an error; the weights with the smallest one are the best."""


@dataclass(frozen=True)
class Phase:
    """Consecutive steps of a run with the same batches and the same loss.

    A phase starts with an empty optimizer state and a new learning-rate schedule. It ends with the
    best weights by its monitor.
    """

    name: str
    """Name of the phase, for errors and logs."""
    batches: Batches
    """A pure function of its arguments; the batch size is that of one process."""
    loss: Loss
    batch_size: int
    """Batch size, summed over all processes."""
    steps: int | None = None
    """Number of steps; None for the remaining steps of the run."""
    schedule_steps: int | None = None
    """Length of the learning-rate schedule; None for the steps of the phase."""
    monitor: Monitor | None = None
    """Selects the best validated weights; None keeps the weights of the last step."""
    batches_ahead: int = 0
    """Number of batches that threads compute ahead. Above 0, `batches` must not use the model."""
    on_start: Callable[[Any], None] | None = None
    """Changes the model before the first step, in evaluation mode and without gradients."""


@dataclass(frozen=True)
class TrainingTask:
    """Everything that the training loop needs to know of a model and its data."""

    phases: tuple[Phase, ...]
    validate: Callable[[Any], dict[str, float]] | None = None
    """Metrics of a model on validation data; called in evaluation mode, without gradients."""
    name: str = "training"
    """Name of the model, for the progress bar."""
    settings: Mapping[str, Any] | None = None
    """Plain values that must be equal in a resumed run: the config, the dataset."""

    def spans(self, steps: int) -> list[Span]:
        """The phases of a run of `steps` steps, without those that have none."""
        spans: list[Span] = []
        first = 0
        for phase in self.phases:
            left = steps - first
            length = left if phase.steps is None else min(phase.steps, left)
            if length > 0:
                spans.append(Span(phase, range(first, first + length)))
            first += length
        return spans


@dataclass(frozen=True)
class Span:
    """A phase and its steps in a run."""

    phase: Phase
    steps: range

    def schedule_at(self, step: int) -> tuple[int, int]:
        """(step since the start of the phase, length of its learning-rate schedule)."""
        return step - self.steps.start, self.phase.schedule_steps or len(self.steps)


def single_phase(
    name: str,
    batches: Batches,
    loss: Loss,
    batch_size: int,
    batches_ahead: int = 0,
    **changes: Any,
) -> TrainingTask:
    """A task of one phase that lasts for the whole run.

    Args:
        name: name of the model.
        batches: as in `Phase`.
        loss: as in `Phase`.
        batch_size: as in `Phase`.
        batches_ahead: as in `Phase`.
        changes: other fields of `TrainingTask`.
    """
    phase = Phase("training", batches, loss, batch_size, batches_ahead=batches_ahead)
    return TrainingTask((phase,), name=name, **changes)
