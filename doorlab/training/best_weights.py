"""The weights with the smallest validation error of a run: early stopping without stopping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from doorlab.training.task import Metrics, Monitor


class BestWeights:
    """Keeps the weights with the smallest validation error.

    Attributes:
        step: number of steps before their validation; None before the first validation.
        error: validation error of these weights.
    """

    def __init__(self, monitor: Monitor | None) -> None:
        """With None as the monitor, no weights are kept."""
        self._monitor = monitor
        self.step: int | None = None
        self.error = float("inf")
        self._weights: dict[str, Tensor] = {}

    def update(self, step: int, metrics: Metrics, model: nn.Module) -> None:
        """Keeps the model's weights after `step` steps if their error is the smallest so far."""
        if self._monitor is None:
            return
        error = self._monitor(metrics)
        if error < self.error:  # False for NaN
            self.step, self.error = step, error
            self._weights = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def load_into(self, model: nn.Module) -> None:
        """Loads the best weights into the model, if there are any."""
        if self.step is not None:
            model.load_state_dict(self._weights)

    def state(self) -> dict[str, Any] | None:
        """The state as plain values and tensors; None before the first validation."""
        if self.step is None:
            return None
        return {"step": self.step, "error": self.error, "weights": self._weights}

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """The inverse of `state`."""
        if state is not None:
            self.step, self.error = state["step"], state["error"]
            self._weights = dict(state["weights"])
