"""What a policy is: two methods. It sees frames, its own actions and their rewards, nothing else.

Legend: D doors side by side, M frames per door, t interactions so far, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from doorlab.doors import ACTION_DIM


@dataclass(frozen=True)
class History:
    """The interactions so far, on every door."""

    actions: Float32[np.ndarray, "D t 4"]
    """Normalised, in Box(-1, 1)."""
    rewards: Float32[np.ndarray, "D t"]
    """In [0, 1]."""

    @staticmethod
    def empty(doors: int) -> History:
        """Before the first interaction."""
        return History(
            np.zeros((doors, 0, ACTION_DIM), np.float32), np.zeros((doors, 0), np.float32)
        )

    def extended(
        self, actions: Float32[np.ndarray, "D 4"], rewards: Float32[np.ndarray, " D"]
    ) -> History:
        """A copy with one more interaction on every door."""
        return History(
            np.concatenate([self.actions, actions[:, None]], axis=1),
            np.concatenate([self.rewards, rewards[:, None]], axis=1),
        )

    @property
    def tries(self) -> int:
        """Interactions so far, per door."""
        return self.rewards.shape[1]


@runtime_checkable
class Policy(Protocol):
    """Anything that opens doors, D at once; no door may influence what is done on another."""

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """New doors: their passive frames, and the policy's own source of chance."""
        ...

    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The next action on every door, given all that was tried on it."""
        ...
