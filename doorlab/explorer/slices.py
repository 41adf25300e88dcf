"""Slices of the action space for the page, with the true rewards of the simulator.

An action has four coordinates. A slice varies two of them and takes the others from the oracle's
action.

Legend: D doors, X values of the first axis, Y of the second (swing).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from doorlab.doors import Action, Door, oracle_action
from doorlab.doors.action import MAX_SLIDE, MAX_SWING, MAX_TURN
from doorlab.sim.simulator import Simulator

_DEGREES = np.linspace(-90.0, 270.0, 25)  # right (0) and left (180) lie inside
_TURNS = np.linspace(-1.0, 1.0, 21)
_SWINGS = np.linspace(-1.0, 1.0, 21)
_COORDINATES = ("direction", "radius", "swing", "turn")


def axes() -> dict[str, Any]:
    """Axes of the slices: name -> coordinate, normalized values, shown values, and label."""
    phi = (_DEGREES / 180.0 + 1.0) % 2.0 - 1.0
    return {
        "direction": _axis("direction", phi, _DEGREES, "direction (degrees)"),
        "turn": _axis("turn", _TURNS, MAX_TURN * _TURNS, "turn of the handle (rad)"),
        "swing": _axis("swing", _SWINGS, _SWINGS, "swing"),
    }


def slices_of(
    simulator: Simulator, doors: Sequence[Door], advance: Callable[[int], None] = lambda n: None
) -> list[dict[str, Any]]:
    """Per door: the oracle's action, units of swing, and true rewards (Y, X) of both slices."""
    found = []
    for door in doors:
        best = oracle_action(door)
        action = Action.from_normalized(best)
        unit, most = ("m", MAX_SLIDE) if action.slides else ("rad", MAX_SWING)
        grids = {name: _grid(best, axis) for name, axis in axes().items() if name != "swing"}
        actions = np.concatenate([grid.reshape(-1, 4) for grid in grids.values()])
        rewards = simulator.interact([door], actions[None]).rewards[0]
        first = grids["direction"][..., 0].size
        parts = dict(zip(grids, (rewards[:first], rewards[first:]), strict=True))
        found.append(
            {
                "oracle": best.astype(float).round(6).tolist(),
                "words": action_words(best),
                "swing": {"unit": unit, "most": most},
                "rewards": {
                    name: part.astype(float).round(4).reshape(len(_SWINGS), -1).tolist()
                    for name, part in parts.items()
                },
            }
        )
        advance(1)
    return found


def action_words(normalized: np.ndarray) -> dict[str, str]:
    """The coordinates of an action with their units, for tables."""
    action = Action.from_normalized(normalized)
    degrees = (math.degrees(action.phi) + 90.0) % 360.0 - 90.0
    words = {
        "direction": f"{degrees:.0f}\u00b0",
        "radius": "slides" if action.slides else f"{action.radius:.2f} m",
        "swing": f"{_rounded(action.swing):+.2f} {'m' if action.slides else 'rad'}",
        "turn": f"{_rounded(action.turn):+.2f} rad",
    }
    return {name: text.replace("-", "\u2212") for name, text in words.items()}


def _rounded(value: float) -> float:
    """The value with two digits; 0 has no minus sign."""
    return round(value, 2) + 0.0


def _axis(name: str, values: np.ndarray, shown: np.ndarray, label: str) -> dict[str, Any]:
    return {
        "coordinate": _COORDINATES.index(name),
        "values": values.round(6).tolist(),
        "shown": shown.round(6).tolist(),
        "label": label,
    }


def _grid(best: np.ndarray, axis: dict[str, Any]) -> np.ndarray:
    """(Y, X, 4): the oracle's action with two coordinates replaced by a grid of values."""
    actions = np.tile(best, (len(_SWINGS), len(axis["values"]), 1)).astype(np.float32)
    actions[:, :, axis["coordinate"]] = np.array(axis["values"])[None, :]
    actions[:, :, 2] = _SWINGS[:, None]
    return actions
