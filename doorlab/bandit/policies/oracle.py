"""Two privileged policies: one knows everything, one knows everything that can be seen.

The gap between them is the price of the hidden parameters: what trying is worth, once looking
has told all that it can.
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

_FAILED = 0.1  # a reward below this says that the latch held


class OraclePolicy(Stateful):
    """Knows every parameter of every door."""

    def __init__(self, doors: Sequence[Door]) -> None:
        self._actions = np.stack([oracle_action(door) for door in doors])

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Has nothing to learn from frames."""

    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The oracle's action, every time."""
        return self._actions.copy()


class VisibleOraclePolicy(Stateful):
    """Knows the visible parameters, guesses the hidden ones, and learns from its tries.

    Of the hidden parameters the latch decides most. The handle is turned as far as it goes, which
    draws any latch if the direction is right; the direction is a guess at first, and changes after
    every try that left the door shut.
    """

    state_fields = ("_first",)

    def __init__(self, doors: Sequence[Door]) -> None:
        guesses = [[_without_hidden(door, direction) for door in doors] for direction in (1, -1)]
        self._actions = np.array([[oracle_action(door) for door in row] for row in guesses])

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Guesses a direction for every door."""
        self._first = rng.integers(2, size=len(frames))

    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The guess, turned round as often as the door stayed shut."""
        failures = (history.rewards < _FAILED).sum(axis=1)
        return self._actions[(self._first + failures) % 2, np.arange(len(failures))]


def _without_hidden(door: Door, direction: int) -> Door:
    """The door as a stranger must suppose it: latched as firmly as any, in a guessed direction."""
    return replace(door, latch_angle=MAX_TURN, latch_direction=direction)
