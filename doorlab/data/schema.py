"""Layout of a dataset on disk: the arrays of a shard, and the meaning of their axes.

Legend: D doors, M frames per door, J interactions per door, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from doorlab.doors.arrays import DTYPES
from doorlab.doors.bounds import COLOR, NUMBERS, POINT
from doorlab.doors.door import CATEGORIES, FIELDS, Appearance
from doorlab.doors.geometry import PARTS
from doorlab.limits import Limits, from_to

FORMAT_VERSION = 2  # 2: a dataset states its kind and arrays; doors slide, stick and lock
SPLITS = ("train", "validation", "test")  # stored as the index in this tuple
OPTIONAL = ("depth", "segmentation")  # arrays that a simulated dataset has on request

_PIXELS = ("door", "frame", "height", "width")
_DEPTH = Limits(0.0, 6e4)  # the range of float16
_OPENING = Limits(0.0, NUMBERS["opening_limit"].high)
_BOX = Limits(-1.0, 1.0)
_SHARE = Limits(0.0, 1.0)
_SIZES = {"channel": 3, "view": 7, "action": 4}
_UNITS = {
    **dict.fromkeys(("width", "height", "thickness", "place"), "m"),
    **dict.fromkeys(("handle_height", "backset", "handle_length"), "m"),
    **dict.fromkeys(("latch_angle",), "rad"),
    "opening_limit": "rad; m if it slides",
    "mass": "kg",
    "hinge_friction": "N m",
    "hinge_damping": "N m s / rad",
    "stiction": "N m",
    "closer_stiffness": "N m / rad",
    "latch_direction": "+1 clockwise, -1 anticlockwise",
    "appearance.light_direction": "unit vector",
}


@dataclass(frozen=True)
class ArraySpec:
    """Specification of one array of a shard. The first axis is always `door`."""

    name: str
    dtype: str
    dims: tuple[str, ...]
    meaning: str
    limits: Limits | None = None
    """Range of all values; None: the range of the dtype."""

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
    """The array name of a field of `doors.FIELDS`: "appearance.x" -> "door/appearance/x"."""
    return "door/" + field.replace(".", "/")


def _category(name: str, dims: tuple[str, ...], names: tuple[str, ...]) -> ArraySpec:
    return ArraySpec(name, "uint8", dims, " | ".join(names), from_to(0, len(names) - 1))


def _door_spec(field: str) -> ArraySpec:
    colors = {f"appearance.{f.name}" for f in fields(Appearance) if f.type == "Color"}
    if field in CATEGORIES:
        return _category(door_array(field), ("door",), CATEGORIES[field])
    if field in DTYPES:
        limits = from_to(-1, 1) if field == "latch_direction" else None
        return ArraySpec(door_array(field), DTYPES[field], ("door",), _UNITS.get(field, ""), limits)
    dims = ("door", "channel") if field in colors else ("door",)
    unit = _UNITS.get(field, "RGB" if field in colors else "")
    limits = _limits_of(field, is_color=field in colors)
    return ArraySpec(door_array(field), "float64", dims, unit, limits)


def _limits_of(field: str, *, is_color: bool) -> Limits:
    if field == "appearance.light_direction":
        return POINT
    return COLOR if is_color else NUMBERS[field.removeprefix("appearance.")]


# All arrays that a dataset can have; `DatasetConfig.arrays` gives those of one dataset.
ARRAYS: dict[str, ArraySpec] = {
    spec.name: spec
    for spec in (
        ArraySpec("images", "uint8", ("door", "frame", "height", "width", "channel"), "RGB"),
        ArraySpec("depth", "float16", _PIXELS, "m, along the axis", _DEPTH),
        _category("segmentation", _PIXELS, PARTS),
        ArraySpec("joint_position", "float32", ("door", "frame"), "rad; m if it slides", _OPENING),
        ArraySpec(
            "view", "float64", ("door", "frame", "view"), "eye, target, field of view", POINT
        ),
        ArraySpec("actions", "float32", ("door", "interaction", "action"), "in Box(-1, 1)", _BOX),
        ArraySpec("rewards", "float32", ("door", "interaction"), "share of the limit", _SHARE),
        ArraySpec("optimal_reward", "float32", ("door",), "the oracle's", _SHARE),
        _category("split", ("door",), SPLITS),
        *(_door_spec(field) for field in FIELDS),
    )
}
