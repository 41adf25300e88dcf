"""Two privileged policies: one knows all parameters, the other all visible parameters.

The gap between them is the cost of the hidden parameters: the value of interactions beyond that of
images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32, UInt8

from doorlab.bandit.checkpoint import Stateful
from doorlab.bandit.policy import History
from doorlab.doors import Door, oracle_action
from doorlab.doors.action import MAX_TURN

_FAILED = 0.1  # rewards below this mean that the latch was not released


class OraclePolicy(Stateful):
    """Policy that knows every parameter of every door."""

    def __init__(self, doors: Sequence[Door]) -> None:
        self._actions = np.stack([oracle_action(door) for door in doors])

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Does nothing: the policy does not use frames."""

    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The oracle's action, at every step."""
        return self._actions.copy()


class VisibleOraclePolicy(Stateful):
    """Knows the visible parameters, guesses the hidden ones, and learns from its interactions.

    Among the hidden parameters the latch matters most. The policy turns the handle as far as
    possible, which releases any latch if the direction is right. The initial direction is a guess;
    it is reversed after every step at which the door stayed closed.
    """

    state_fields = ("_first",)

    def __init__(self, doors: Sequence[Door]) -> None:
        guesses = [[_without_hidden(door, direction) for door in doors] for direction in (1, -1)]
        self._actions = np.array([[oracle_action(door) for door in row] for row in guesses])

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Guesses a direction for every door."""
        self._first = rng.integers(2, size=len(frames))

    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The action for the guessed direction, reversed after every failure."""
        failures = (history.rewards < _FAILED).sum(axis=1)
        return self._actions[(self._first + failures) % 2, np.arange(len(failures))]


def _without_hidden(door: Door, direction: int) -> Door:
    """The door with the largest possible latch angle, in a guessed direction."""
    return replace(door, latch_angle=MAX_TURN, latch_direction=direction)
