"""What is asked of an embedding: the door's visible parameters, and how far it stands open.

D doors, M frames per door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from doorlab.doors.door import CATEGORIES
from doorlab.errors import unknown_name

JOINT_POSITION = "joint_position"


@dataclass(frozen=True)
class Target:
    """One question.

    Attributes:
        label: for people.
        source: the array that holds the answer: a field of `doors.FIELDS`, or `joint_position`.
        kind: two categories (scored by accuracy) or a number (scored by R^2).
        unit: of the number; empty for categories.
        per_frame: asked of the embedding of every frame, not of the door's.
        ones: the categories of the source that count as 1; empty for the second of two.
        hinged_only: asked of hinged doors only.
        mirror: what a mirror does to the answer.
    """

    label: str
    source: str
    kind: Literal["binary", "continuous"]
    unit: str = ""
    per_frame: bool = False
    ones: tuple[str, ...] = ()
    hinged_only: bool = False
    mirror: Literal["same", "swapped", "negated"] = "same"

    @property
    def metric(self) -> str:
        """`accuracy` or `r2`."""
        return "accuracy" if self.kind == "binary" else "r2"

    @property
    def sources(self) -> tuple[str, ...]:
        """The arrays that its answers are made from."""
        return (self.source, "mechanism") if self.hinged_only else (self.source,)

    @property
    def categories(self) -> tuple[str, ...]:
        """What 0 and 1 stand for; empty for numbers."""
        found = CATEGORIES.get(self.source, ())
        if not self.ones:
            return found
        zeros = [name for name in found if name not in self.ones]
        return " or ".join(zeros), " or ".join(self.ones)


# Handedness, size, angle, location and configuration, as in Liu et al. 2023 (arXiv 2305.16567).
#
# latch: no picture shows a latch. What it shows is a handle that can work one, a lever or a knob,
# and not a bar, which never has one; by the named priors three such handles in four have a latch,
# so that "has a latch" could be answered from pictures in 83 % of cases at best. The question here
# is the one that can be seen. Two doors in three have such a handle: guessing scores 0.67.
#
# joint_angle: of hinged doors, in rad. A sliding door has no angle, and its way in m is on another
# scale: its frames are left out. (Only the prior `wild` slides.)
TARGETS: dict[str, Target] = {
    "handedness": Target("handedness", "hinge_side", "binary", mirror="swapped"),
    "swing": Target("swing", "swing", "binary"),
    "latch": Target("latch handle", "handle_type", "binary", ones=("lever", "knob")),
    "width": Target("width", "width", "continuous", "m"),
    "height": Target("height", "height", "continuous", "m"),
    "handle_height": Target("handle height", "handle_height", "continuous", "m"),
    "place": Target("place in the wall", "place", "continuous", "m", mirror="negated"),
    "joint_angle": Target(
        "joint angle", JOINT_POSITION, "continuous", "rad", per_frame=True, hinged_only=True
    ),
}


def target_values(name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """The true answers to the target `name`.

    Args:
        name: a key of `TARGETS`.
        arrays: one array per source, first axis D (see `doors.doors_to_arrays`).

    Returns:
        int64 (D,) for categories, float64 (D,) for numbers, (D, M) for those asked per frame; NaN
        for doors of which it is not asked.

    Raises:
        ConfigError: for an unknown target.
    """
    if name not in TARGETS:
        raise unknown_name("probe target", name, TARGETS)
    target = TARGETS[name]
    found = np.asarray(arrays[target.source])
    if target.ones:
        codes = [CATEGORIES[target.source].index(category) for category in target.ones]
        return np.isin(found, codes).astype(np.int64)
    if target.kind == "binary":
        return found.astype(np.int64)
    values = found.astype(np.float64)
    if target.hinged_only:
        hinged = arrays["mechanism"] == CATEGORIES["mechanism"].index("hinged")
        values[~hinged] = np.nan
    return values


def mirrored(target: Target, values: Any) -> Any:
    """Answers (an array or a tensor) for the same doors in a mirror."""
    if target.mirror == "swapped":
        return 1 - values
    return -values if target.mirror == "negated" else values
