"""Conditions that end a run before its last step: a loss that is not finite, and signals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from doorlab.errors import TrainingError

# Field of a batch (`doorlab.data.tensors.batches`), without its shape suffix -> description.
_WORDS = {
    "x": "frames",
    "frames": "frames",
    "at": "actions",
    "actions": "actions",
    "rt": "rewards",
    "rewards": "rewards",
}


class NonFiniteGuard:
    """Detects the first step whose loss or gradient is not finite, without synchronization.

    On a GPU, reading a value at every step would make the CPU wait for the device.
    """

    def __init__(self, device: torch.device) -> None:
        self._first = torch.full((), -1, dtype=torch.int64, device=device)
        self._loss = torch.zeros((), device=device)

    def update(self, step: int, loss: Tensor, gradient_norm: Tensor) -> None:
        """Checks one step."""
        bad = ~(loss.isfinite() & gradient_norm.isfinite()) & (self._first < 0)
        self._first = torch.where(bad, step, self._first)
        self._loss = torch.where(bad, loss.detach().float(), self._loss)

    def check(self, seed: int, batch_of: Callable[[int], Any]) -> None:
        """Raises TrainingError if a step was not finite; the error names the data if they are not.

        Args:
            seed: seed of the run.
            batch_of: step -> batch of the step.
        """
        step = int(self._first)
        if step >= 0:
            _check_data(batch_of(step), step, seed)
            loss = float(self._loss)
            what = (
                f"a loss of {loss}"
                if loss != loss or abs(loss) == float("inf")
                else (f"a gradient that is not finite, of a loss of {loss:g}")
            )
            raise TrainingError(
                "a finite loss and gradient at every step",
                f"{what} at step {step} (the batch of step {step}, seed {seed})",
                "lower --learning-rate or --max-grad-norm, or try --precision 32-true. "
                "The last checkpoint is kept",
            )


def _check_data(batch: Any, step: int, seed: int) -> None:
    """Raises TrainingError for a batch with numbers that are not finite."""
    for name, tensor in _tensors(batch):
        if not tensor.isfinite().all():
            raise TrainingError(
                "data of finite numbers",
                f"NaN or infinity in {name} of the batch of step {step} (seed {seed})",
                "check the dataset with `doorlab info --verify`. The last checkpoint is kept",
            )


def _tensors(batch: Any, name: str = "the data") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a batch that no model computed, with their descriptions."""
    if isinstance(batch, Tensor):
        yield name, batch
    elif is_dataclass(batch):
        for field in fields(batch):
            short = field.name.partition("_")[0]
            if short != "embedding":
                yield from _tensors(getattr(batch, field.name), _WORDS.get(short, name))
    elif isinstance(batch, dict):
        for key, part in batch.items():
            yield from _tensors(part, str(key))
    elif isinstance(batch, tuple | list):
        for part in batch:
            yield from _tensors(part, name)


class GracefulStop:
    """A handler that records stop signals; the loop stops after its current step.

    A second signal of the same kind interrupts at once. A signal of another kind does not: a
    scheduler may send SIGTERM to processes that already received SIGINT from the terminal.
    """

    def __init__(self) -> None:
        self._received: set[int] = set()

    @property
    def requested(self) -> bool:
        """Whether a signal was received."""
        return bool(self._received)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal."""
        if number in self._received:
            raise KeyboardInterrupt("interrupted. The last checkpoint is kept")
        self._received.add(number)
