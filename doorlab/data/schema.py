"""The layout of a dataset on disk: which arrays a shard holds, and what their axes mean.

Legend: D doors, M frames per door, J interactions per door, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from doorlab.doors.arrays import DTYPES
from doorlab.doors.door import CATEGORIES, FIELDS, Appearance
from doorlab.doors.geometry import PARTS

FORMAT_VERSION = 2  # 2: a dataset says its kind and its arrays; doors slide, stick and lock
SPLITS = ("train", "validation", "test")  # stored as the index in this tuple
OPTIONAL = ("depth", "segmentation")  # arrays that a simulated dataset has if asked for

_SIZES = {"channel": 3, "view": 7, "action": 4}
_UNITS = {
    **dict.fromkeys(("width", "height", "thickness", "place"), "m"),
    **dict.fromkeys(("handle_height", "backset", "handle_length"), "m"),
    **dict.fromkeys(("latch_turn",), "rad"),
    "opening_limit": "rad; m if it slides",
    "mass": "kg",
    "hinge_friction": "N m",
    "hinge_damping": "N m s / rad",
    "sticking": "N m",
    "closer_stiffness": "N m / rad",
    "latch_direction": "+1 clockwise, -1 anticlockwise",
    "appearance.light_direction": "unit vector",
}


@dataclass(frozen=True)
class ArraySpec:
    """One array of a shard. The first axis is always `door`."""

    name: str
    dtype: str
    dims: tuple[str, ...]
    meaning: str

    def shape(self, doors: int, frames: int, interactions: int, image_size: int) -> tuple[int, ...]:
        """The array's shape in a shard of `doors` doors."""
        sizes = {
            "door": doors,
            "frame": frames,
            "interaction": interactions,
            "height": image_size,
            "width": image_size,
            **_SIZES,
        }
        return tuple(sizes[dim] for dim in self.dims)


def door_array(field: str) -> str:
    """Where a field of `doors.FIELDS` is stored: "appearance.x" -> "door/appearance/x"."""
    return "door/" + field.replace(".", "/")


def _door_spec(field: str) -> ArraySpec:
    colors = {f"appearance.{f.name}" for f in fields(Appearance) if f.type == "Color"}
    if field in CATEGORIES:
        return ArraySpec(door_array(field), "uint8", ("door",), " | ".join(CATEGORIES[field]))
    if field in DTYPES:
        return ArraySpec(door_array(field), DTYPES[field], ("door",), _UNITS.get(field, ""))
    dims = ("door", "channel") if field in colors else ("door",)
    unit = _UNITS.get(field, "RGB" if field in colors else "")
    return ArraySpec(door_array(field), "float64", dims, unit)


# Every array that a dataset can have; which ones it has, its config says.
ARRAYS: dict[str, ArraySpec] = {
    spec.name: spec
    for spec in (
        ArraySpec("images", "uint8", ("door", "frame", "height", "width", "channel"), "RGB"),
        ArraySpec("depth", "float16", ("door", "frame", "height", "width"), "m, along the axis"),
        ArraySpec("segmentation", "uint8", ("door", "frame", "height", "width"), " | ".join(PARTS)),
        ArraySpec("joint_position", "float32", ("door", "frame"), "rad; m if it slides"),
        ArraySpec("view", "float64", ("door", "frame", "view"), "eye, target, field of view"),
        ArraySpec("actions", "float32", ("door", "interaction", "action"), "in Box(-1, 1)"),
        ArraySpec("rewards", "float32", ("door", "interaction"), "share of the limit"),
        ArraySpec("optimal_reward", "float32", ("door",), "the oracle's"),
        ArraySpec("split", "uint8", ("door",), " | ".join(SPLITS)),
        *(_door_spec(field) for field in FIELDS),
    )
}
