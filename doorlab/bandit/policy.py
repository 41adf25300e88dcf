"""Interface of policies: two methods. Input is limited to frames, own actions and their rewards.

Legend: D doors in parallel, M frames per door, t interactions so far, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from doorlab.doors import ACTION_DIM


@dataclass(frozen=True)
class History:
    """All interactions so far, for every door."""

    actions: Float32[np.ndarray, "D t 4"]
    """Normalized actions, in Box(-1, 1)."""
    rewards: Float32[np.ndarray, "D t"]
    """Rewards, in [0, 1]."""

    @staticmethod
    def empty(doors: int) -> History:
        """A history without interactions."""
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
    def num_interactions(self) -> int:
        """Number of interactions per door so far."""
        return self.rewards.shape[1]


@runtime_checkable
class Policy(Protocol):
    """A policy for D doors in parallel; no door may influence the actions on another."""

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Starts on new doors, given their passive frames and the policy's random generator."""
        ...

    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The next action on every door, given its interactions so far."""
        ...
