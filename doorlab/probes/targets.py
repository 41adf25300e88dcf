"""What is asked of an embedding: the door's visible parameters, and how far it stands open.

D doors, M frames per door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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
    """

    label: str
    source: str
    kind: Literal["binary", "continuous"]
    unit: str = ""
    per_frame: bool = False

    @property
    def metric(self) -> str:
        """`accuracy` or `r2`."""
        return "accuracy" if self.kind == "binary" else "r2"

    @property
    def categories(self) -> tuple[str, ...]:
        """What 0 and 1 stand for; empty for numbers."""
        return CATEGORIES.get(self.source, ())


# Handedness, size, angle, location and configuration, as in Liu et al. 2023 (arXiv 2305.16567).
TARGETS: dict[str, Target] = {
    "handedness": Target("handedness", "hinge_side", "binary"),
    "swing": Target("swing", "swing", "binary"),
    "width": Target("width", "width", "continuous", "m"),
    "height": Target("height", "height", "continuous", "m"),
    "handle_height": Target("handle height", "handle_height", "continuous", "m"),
    "place": Target("place in the wall", "place", "continuous", "m"),
    "joint_angle": Target("joint angle", JOINT_POSITION, "continuous", "rad", per_frame=True),
}


def target_values(name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """The true answers to the target `name`.

    Args:
        name: a key of `TARGETS`.
        arrays: one array per source, first axis D (see `doors.doors_to_arrays`).

    Returns:
        int64 (D,) for categories, float64 (D,) for numbers, (D, M) for those asked per frame.

    Raises:
        ConfigError: for an unknown target.
    """
    if name not in TARGETS:
        raise unknown_name("probe target", name, TARGETS)
    target = TARGETS[name]
    dtype = np.int64 if target.kind == "binary" else np.float64
    return np.asarray(arrays[target.source]).astype(dtype)
