"""The best weights of a run so far, by the validation doors: early stopping without stopping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

Figures = Mapping[str, float]


class BestWeights:
    """Remembers the weights with the smallest validation error.

    Attributes:
        step: steps after which they were seen; None before the first look.
        error: theirs.
    """

    def __init__(self, error_of: Callable[[Figures], float] | None) -> None:
        """Without `error_of`, nothing is ever remembered."""
        self._error_of = error_of
        self.step: int | None = None
        self.error = float("inf")
        self._weights: dict[str, Tensor] = {}

    def update(self, step: int, figures: Figures, model: nn.Module) -> None:
        """Weights after `step` steps, and how they fare. Of equal ones the first are kept."""
        if self._error_of is None:
            return
        error = self._error_of(figures)
        if error < self.error:  # never for NaN
            self.step, self.error = step, error
            self._weights = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def load_into(self, model: nn.Module) -> None:
        """Gives the model its best weights, if there are any."""
        if self.step is not None:
            model.load_state_dict(self._weights)

    def state(self) -> dict[str, Any] | None:
        """All of it as plain values and tensors; None before the first look."""
        if self.step is None:
            return None
        return {"step": self.step, "error": self.error, "weights": self._weights}

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """The inverse of `state`."""
        if state is not None:
            self.step, self.error = state["step"], state["error"]
            self._weights = dict(state["weights"])
