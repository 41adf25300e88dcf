"""What a camera sees of doors.

Shapes: D doors, M frames per door, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEAR, FAR = 0.1, 12.0  # m: what is nearer or farther is not drawn

# A lamp this far from the origin casts the shadows (TinyRenderer's default is 2 m: everything
# that such a lamp sees is nearer than TinyRenderer's bias against false shadows works, and dark).
LAMP_DISTANCE = 9.0  # m
IN_SHADOW = 0.8  # of the diffuse and specular light is left: TinyRenderer's


@dataclass(frozen=True)
class RenderOptions:
    """What to draw besides the picture itself."""

    depth: bool = False
    segmentation: bool = False
    shadows: bool = False


RGB_ONLY = RenderOptions()


@dataclass(frozen=True)
class RenderResult:
    """Pictures of doors, and what was asked for besides.

    Attributes:
        images: uint8 (D, M, H, W, 3), RGB.
        depth: float32 (D, M, H, W), m along the optical axis, `FAR` where nothing is.
        segmentation: uint8 (D, M, H, W), index in `doors.geometry.PARTS`.
    """

    images: np.ndarray
    depth: np.ndarray | None = None
    segmentation: np.ndarray | None = None

    @staticmethod
    def blank(count: tuple[int, ...], image_size: int, layers: RenderOptions) -> RenderResult:
        """Arrays to draw `count`, (D, M), pictures into."""
        shape = (*count, image_size, image_size)
        return RenderResult(
            np.empty((*shape, 3), np.uint8),
            np.empty(shape, np.float32) if layers.depth else None,
            np.empty(shape, np.uint8) if layers.segmentation else None,
        )
