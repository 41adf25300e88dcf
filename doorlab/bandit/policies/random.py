"""Uniform random actions: the baseline for all other policies."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8

from doorlab.bandit.checkpoint import Stateful
from doorlab.bandit.policy import History
from doorlab.doors import ACTION_DIM


class RandomPolicy(Stateful):
    """Samples every action uniformly from Box(-1, 1)."""

    state_fields = ("_rng",)

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Stores the random generator; the frames are ignored."""
        self._rng = rng

    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """Uniform random actions; the history is ignored."""
        return self._rng.uniform(-1.0, 1.0, (len(history.rewards), ACTION_DIM)).astype(np.float32)
