"""What may end a run before its last step: a loss that is no number, and signals."""

from __future__ import annotations

from types import FrameType

import torch
from torch import Tensor

from doorlab.errors import TrainingError


class FiniteWatch:
    """Remembers the first step whose loss or gradient was not finite, without waiting for it.

    On a GPU, asking for a value at every step would make the processor wait for the device.
    """

    def __init__(self, device: torch.device) -> None:
        self._first = torch.full((), -1, dtype=torch.int64, device=device)
        self._loss = torch.zeros((), device=device)

    def look(self, step: int, loss: Tensor, gradient_norm: Tensor) -> None:
        """Looks at one step."""
        bad = ~(loss.isfinite() & gradient_norm.isfinite()) & (self._first < 0)
        self._first = torch.where(bad, step, self._first)
        self._loss = torch.where(bad, loss.detach().float(), self._loss)

    def check(self, seed: int) -> None:
        """Raises TrainingError when a step was bad."""
        step = int(self._first)
        if step >= 0:
            loss = float(self._loss)
            what = (
                f"a loss of {loss}"
                if loss != loss or abs(loss) == float("inf")
                else (f"a gradient that is not finite, of a loss of {loss:g}")
            )
            raise TrainingError(
                "a finite loss and gradient at every step",
                f"{what} at step {step} (the batch of step {step}, seed {seed})",
                "lower --learning-rate or --clip, or try --precision 32-true; "
                "the last checkpoint is kept",
            )


class StopRequest:
    """A handler that notes signals which ask to stop, for the loop to obey after its step.

    A second signal of the same kind interrupts. One of another kind does not: a scheduler may send
    SIGTERM to processes that the terminal has sent SIGINT already.
    """

    def __init__(self) -> None:
        self._received: set[int] = set()

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return bool(self._received)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal."""
        if number in self._received:
            raise KeyboardInterrupt("interrupted; the last checkpoint is kept")
        self._received.add(number)
