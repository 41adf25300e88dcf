"""Camera poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from doorlab.doors.bounds import NUMBERS, POINT, store_numbers, store_vectors
from doorlab.errors import ConfigError

_NUMBERS = {"field_of_view": NUMBERS["field_of_view"]}
_VECTORS = {"eye": POINT, "target": POINT}
_LEAST_DISTANCE = 1e-6  # m, minimum distance of the eye from the vertical through its target


@dataclass(frozen=True)
class View:
    """A pinhole camera in the world frame of a door (meters, radians), upright.

    Raises ConfigError for a camera that cannot be rendered, for example one that points straight
    down, for which the upward direction of the image is undefined.
    """

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    field_of_view: float  # vertical, rad

    def __post_init__(self) -> None:
        store_numbers("a view", self, _NUMBERS)
        store_vectors("a view", self, _VECTORS)
        (x, y, _), (u, v, _) = self.eye, self.target
        if abs(u - x) < _LEAST_DISTANCE and abs(v - y) < _LEAST_DISTANCE:
            raise ConfigError(
                "a view whose target is not straight above or below its eye",
                f"an eye at {self.eye} and a target at {self.target}",
                "move one of them",
            )

    def project(self, points: np.ndarray, image_size: int) -> np.ndarray:
        """Projects points to pixel coordinates of a square image.

        Args:
            points: (N, 3), m, in the world frame, in front of the camera.
            image_size: height and width of the image, pixels.

        Returns:
            float64 (N, 2), pixels to the right and down from the corner of the image: the center of
            its first pixel is at (0.5, 0.5).
        """
        forward = np.subtract(self.target, self.eye)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        axes = np.stack([right, np.cross(forward, right), forward])
        x, y, depth = (axes / np.linalg.norm(axes, axis=1)[:, None]) @ np.subtract(
            points, self.eye
        ).T
        focal = image_size / 2 / np.tan(self.field_of_view / 2)
        return image_size / 2 + focal * np.stack([x, y], axis=1) / depth[:, None]

    def to_array(self) -> np.ndarray:
        """float64 (7,): eye, target, field of view."""
        return np.array([*self.eye, *self.target, self.field_of_view])

    @staticmethod
    def from_array(values: np.ndarray) -> View:
        """The inverse of `to_array`. Raises ConfigError for an array of another shape than (7,)."""
        if np.shape(values) != (7,):
            raise ConfigError("7 numbers of a view", f"an array {np.shape(values)}", "correct it")
        x, y, z, u, v, w, fov = (float(value) for value in values)
        return View((x, y, z), (u, v, w), fov)
