"""Groups of doors by hidden parameters: parameters that images do not show.

The groups show how well a policy infers a hidden parameter from interactions. Only the evaluator
has access to these parameters.

Legend: D doors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from doorlab.doors import Door

Groups = dict[str, Bool[np.ndarray, " D"]]

# Parameters of every door: the groups are split at the median.
_AMOUNTS = ("mass", "hinge_friction", "hinge_damping")
# Parameters that are 0 for some doors: the groups are zero and above zero.
_EXTRAS = ("stiction", "closer_stiffness")


def strata_by_hidden_parameter(doors: Sequence[Door]) -> dict[str, Groups]:
    """Parameter -> group -> mask of the doors of the group. Groups may be empty.

    The groups of the latch are its directions. The groups of locks, stiction and closers are
    presence and absence. The groups of the other parameters are values up to the median of the
    given doors, and above it. Sliding doors have separate medians, because their friction and
    damping have other units.
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
