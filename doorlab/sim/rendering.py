"""Rendered images of doors, and the options of rendering.

Shapes: D doors, M frames per door, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEAR, FAR = 0.1, 12.0  # m: nearer and farther surfaces are not rendered

# Distance from the origin of the lamp that casts shadows. With TinyRenderer's default, 2 m, all
# surfaces are nearer than its bias against false shadows allows, and dark.
LAMP_DISTANCE = 9.0  # m
IN_SHADOW = 0.8  # remaining fraction of diffuse and specular light, as in TinyRenderer


@dataclass(frozen=True)
class RenderOptions:
    """Selects what is rendered besides the RGB image."""

    depth: bool = False
    segmentation: bool = False
    shadows: bool = False


RGB_ONLY = RenderOptions()


@dataclass(frozen=True)
class RenderResult:
    """Images of doors, and optional further layers.

    Attributes:
        images: uint8 (D, M, H, W, 3), RGB.
        depth: float32 (D, M, H, W), m along the optical axis, `FAR` for the background.
        segmentation: uint8 (D, M, H, W), index in `doors.geometry.PARTS`.
    """

    images: np.ndarray
    depth: np.ndarray | None = None
    segmentation: np.ndarray | None = None

    @staticmethod
    def blank(count: tuple[int, ...], image_size: int, layers: RenderOptions) -> RenderResult:
        """Uninitialized arrays for `count`, (D, M), images."""
        shape = (*count, image_size, image_size)
        return RenderResult(
            np.empty((*shape, 3), np.uint8),
            np.empty(shape, np.float32) if layers.depth else None,
            np.empty(shape, np.uint8) if layers.segmentation else None,
        )
