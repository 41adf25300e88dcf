"""What may end a run before its last step: a loss that is no number, and signals."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

import torch
from torch import Tensor

from doorlab.errors import TrainingError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
    """Between `with` and its end, Ctrl-C and SIGTERM ask the loop to stop after its step.

    A step is never cut in two. A second Ctrl-C does what Ctrl-C always does. Outside of the main
    thread, where Python allows no handlers, signals are left alone.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> StopRequest:
        """Takes over the signals."""
        if threading.current_thread() is threading.main_thread():
            self._previous = {s: signal.signal(s, self._handle) for s in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Gives the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt("interrupted; the last checkpoint is kept")
        self.requested = True
