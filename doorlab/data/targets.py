"""Probe targets, predicted from embeddings: visible door parameters and the joint angle.

Legend: D doors, M frames per door.
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
    """One probe target.

    Attributes:
        label: human-readable name.
        source: array that holds the labels: a field of `doors.FIELDS`, or `joint_position`.
        kind: two categories (scored by accuracy) or a number (scored by R^2).
        unit: unit of the number; empty for categories.
        per_frame: predict the target from each frame's embedding instead of the door's.
        ones: categories of the source that count as 1; if empty, the second of two.
        hinged_only: the target is defined for hinged doors only.
        mirror: effect of mirroring the door on the label.
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
        """The arrays that the labels are computed from."""
        return (self.source, "mechanism") if self.hinged_only else (self.source,)

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the classes 0 and 1; empty for numbers."""
        names = CATEGORIES.get(self.source, ())
        if not self.ones:
            return names
        zeros = [name for name in names if name not in self.ones]
        return " or ".join(zeros), " or ".join(self.ones)


# Handedness, size, angle, location and configuration, as in Liu et al. 2023 (arXiv 2305.16567).
#
# latch: latches are not visible in images. Visible is a handle that can work a latch: a lever or a
# knob, but not a bar, which never has one. With the named priors three in four of such handles have
# a latch, so "has a latch" could be predicted from images in at most 83 % of cases. The target is
# therefore the visible property. Two doors in three have such a handle: guessing scores 0.67.
#
# joint_angle: in rad, for hinged doors. Sliding doors have no angle, and their opening in m is on
# another scale, so their frames are left out. (Only the prior `wild` has sliding doors.)
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
    """Labels of the target `name`.

    Args:
        name: a key of `TARGETS`.
        arrays: one array per source, first axis D (see `doors.doors_to_arrays`).

    Returns:
        int64 (D,) for categories, float64 (D,) for numbers, (D, M) for per-frame targets; NaN
        for doors for which the target is not defined.

    Raises:
        ConfigError: for an unknown target.
    """
    if name not in TARGETS:
        raise unknown_name("probe target", name, TARGETS)
    target = TARGETS[name]
    source = np.asarray(arrays[target.source])
    if target.ones:
        codes = [CATEGORIES[target.source].index(category) for category in target.ones]
        return np.isin(source, codes).astype(np.int64)
    if target.kind == "binary":
        return source.astype(np.int64)
    values = source.astype(np.float64)
    if target.hinged_only:
        hinged = arrays["mechanism"] == CATEGORIES["mechanism"].index("hinged")
        values[~hinged] = np.nan
    return values


def mirrored(target: Target, values: Any) -> Any:
    """Labels (an array or a tensor) of the mirrored doors."""
    if target.mirror == "swapped":
        return 1 - values
    return -values if target.mirror == "negated" else values
