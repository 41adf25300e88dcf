"""Samples many doors at once from a prior: the distribution of `DoorPrior.sample`, vectorized.

`DoorPrior.sample` makes one door from a random stream, takes a tenth of a millisecond, and
determines the bytes of datasets. Here doors are functions of uniform random numbers, one row of
numbers per door, so that thousands take a few milliseconds. Ranges are the fields of the prior;
tests compare the two distributions.

Shapes: D doors, M views per door.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from doorlab.doors.door import CATEGORIES
from doorlab.doors.prior import DEFAULT_APPEARANCE, DoorPrior, Range, moved_poses

DOOR_NUMBERS = 52  # uniform random numbers per door
VIEW_NUMBERS = 6  # uniform random numbers per view


def sample_doors_batched(prior: DoorPrior, numbers: np.ndarray) -> dict[str, np.ndarray]:
    """Samples doors of a prior, in the format of `doors.doors_to_arrays`.

    Args:
        prior: the distribution.
        numbers: (D, `DOOR_NUMBERS`), uniform in [0, 1). Door d depends on row d only.
    """
    urn = _UniformStream(numbers)
    handle = urn.one_of("handle_type", prior.handle_types)
    latched = urn.happens(prior.latch_probability)
    latched &= handle != CATEGORIES["handle_type"].index("bar")
    slides, sticks = urn.happens(prior.sliding_probability), urn.happens(prior.sticking_probability)
    closes, width = urn.happens(prior.closer_probability), urn.draw(prior.width)
    angle, way = urn.draw(prior.opening_limit), urn.draw(prior.sliding_limit) * width
    return {
        "mechanism": slides.astype(np.uint8),
        "hinge_side": urn.happens(prior.hinge_right_probability).astype(np.uint8),
        "swing": (~urn.happens(prior.pull_probability)).astype(np.uint8),
        "width": width,
        "height": urn.draw(prior.height),
        "thickness": urn.draw(prior.thickness),
        "place": urn.draw(prior.place),
        "opening_limit": np.where(slides, way, angle),
        "handle_type": handle,
        "handle_height": urn.draw(prior.handle_height),
        "backset": urn.draw(prior.backset),
        "handle_length": urn.draw(prior.handle_length),
        "latch_angle": urn.draw(prior.latch_angle) * latched,
        "latch_direction": np.where(urn.happens(0.5), 1, -1).astype(np.int8),
        "locked": urn.happens(prior.locked_probability),
        "mass": urn.draw(prior.mass),
        "hinge_friction": urn.draw(prior.hinge_friction),
        "hinge_damping": urn.draw(prior.hinge_damping),
        "stiction": urn.draw(prior.stiction) * sticks,
        "closer_stiffness": urn.draw(prior.closer_stiffness) * closes,
        **_appearance(prior, urn),
    }


def sample_view_columns(prior: DoorPrior, place: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """(D, M, 7), as in `View.to_array`: the distribution of `DoorPrior.sample_views`.

    Args:
        prior: the distribution.
        place: (D,), m, of the doors.
        numbers: (D, M, `VIEW_NUMBERS`), uniform in [0, 1).
    """
    urn, middle = _UniformStream(numbers), -place[:, None]
    jitter = (-prior.camera_jitter, prior.camera_jitter)
    eye_x, distance = middle + urn.draw(jitter), urn.draw(prior.camera_distance)
    height, target_x = urn.draw(prior.camera_height), middle + urn.draw(jitter)
    target_z, field_of_view = 1.05 + urn.draw(jitter), urn.draw(prior.field_of_view)
    columns = [eye_x, -distance, height, target_x, 0.0 * height, target_z, field_of_view]
    return moved_poses(np.stack(columns, axis=-1), prior.camera_motion)


class _UniformStream:
    """Converts columns of uniform random numbers, one after the other, to other distributions."""

    def __init__(self, numbers: np.ndarray) -> None:
        self._columns = iter(np.moveaxis(numbers, -1, 0))

    def draw(self, bounds: Range) -> np.ndarray:
        low, high = bounds
        return low + (high - low) * next(self._columns)

    def happens(self, probability: float) -> np.ndarray:
        return next(self._columns) < probability

    def one_of(self, name: str, choices: Sequence[str]) -> np.ndarray:
        """uint8 indices in `CATEGORIES[name]`."""
        codes = np.array([CATEGORIES[name].index(choice) for choice in choices], np.uint8)
        return codes[(next(self._columns) * len(codes)).astype(int)]

    def paint(self, bounds: Range, tint: float | None = None) -> np.ndarray:
        """(D, 3): independent channels; with `tint`, a gray shade with channels off by up to it."""
        if tint is None:
            return np.stack([self.draw(bounds) for _ in "rgb"], axis=-1)
        return self.draw(bounds)[:, None] + self.paint((-tint, tint))


def _appearance(prior: DoorPrior, urn: _UniformStream) -> dict[str, np.ndarray]:
    tilt, turn = urn.draw(prior.light_tilt), urn.draw(prior.light_turn)
    level = np.cos(tilt)
    direction = [level * np.sin(turn), -level * np.cos(turn), np.sin(tilt)]
    appearance = {
        "panel_style": urn.one_of("appearance.panel_style", prior.panel_styles),
        "panel_texture": urn.one_of("appearance.panel_texture", prior.panel_textures),
        "wall_texture": urn.one_of("appearance.wall_texture", prior.wall_textures),
        "floor_texture": urn.one_of("appearance.floor_texture", prior.floor_textures),
        "panel_color": urn.paint(prior.brightness),
        "handle_color": urn.paint((0.1, 0.9), 0.1),
        "frame_color": urn.paint(prior.brightness),
        "wall_color": urn.paint(prior.brightness),
        "floor_color": urn.paint((0.2, 0.7), 0.15),
        "room_color": urn.paint((0.1, 0.35), 0.1),
        "light_direction": np.stack(direction, axis=-1),
        "light_strength": urn.draw(prior.light_strength),
    }
    if not prior.randomize_appearance:
        appearance = {name: _repeated(name, len(column)) for name, column in appearance.items()}
    return {f"appearance.{name}": column for name, column in appearance.items()}


def _repeated(name: str, count: int) -> np.ndarray:
    """The default appearance, repeated for `count` doors."""
    value = getattr(DEFAULT_APPEARANCE, name)
    if isinstance(value, str):
        value = np.uint8(CATEGORIES[f"appearance.{name}"].index(value))
    return np.tile(value, (count, *[1] * np.ndim(value)))
