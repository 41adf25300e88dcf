"""Doors by what cannot be seen of them: where looking ends, and trying has to tell.

Only an evaluator knows these parameters.

Legend: D doors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from doorlab.doors import Door

Groups = dict[str, Bool[np.ndarray, " D"]]

# Parameters that every door has more or less of: doors are parted at the median.
_AMOUNTS = ("mass", "hinge_friction", "hinge_damping")
# Parameters that a door may lack.
_EXTRAS = ("stiction", "closer_stiffness")


def strata_by_hidden_parameter(doors: Sequence[Door]) -> dict[str, Groups]:
    """Parameter -> group -> which doors belong to it. Groups may be empty.

    The latch by its direction, locks by whether there is one, sticking and closers by whether there
    are any, and the others by halves: at most the median of these doors, or more. Sliding doors,
    whose friction and damping have other units, have medians of their own.
    """
    turn = np.array([door.latch_angle for door in doors])
    direction = np.array([door.latch_direction for door in doors])
    locked = np.array([door.locked for door in doors], dtype=bool)
    groups: dict[str, Groups] = {
        "latch": {
            "none": turn == 0,
            "clockwise": (turn > 0) & (direction > 0),
            "anticlockwise": (turn > 0) & (direction < 0),
        },
        "lock": {"free": ~locked, "locked": locked},
    }
    for name in _EXTRAS:
        present = np.array([getattr(door, name) > 0 for door in doors], dtype=bool)
        groups[name] = {"none": ~present, "some": present}
    for name in _AMOUNTS:
        much = _above_median(doors, name)
        groups[name] = {"little": ~much, "much": much}
    return groups


def _above_median(doors: Sequence[Door], name: str) -> Bool[np.ndarray, " D"]:
    values = np.array([getattr(door, name) for door in doors], dtype=np.float64)
    slides = np.array([door.mechanism == "sliding" for door in doors], dtype=bool)
    above = np.zeros(len(doors), dtype=bool)
    for kind in (slides, ~slides):
        if kind.any():
            above[kind] = values[kind] > np.median(values[kind])
    return above
