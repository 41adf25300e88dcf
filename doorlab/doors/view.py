"""A camera pose: where a picture is taken from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class View:
    """A pinhole camera in the world frame of a door (metres, radians)."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    field_of_view: float  # vertical, rad

    def to_array(self) -> np.ndarray:
        """float64 (7,): eye, target, field of view."""
        return np.array([*self.eye, *self.target, self.field_of_view])

    @staticmethod
    def from_array(values: np.ndarray) -> View:
        """The inverse of `to_array`."""
        x, y, z, u, v, w, fov = (float(value) for value in values)
        return View((x, y, z), (u, v, w), fov)
