"""Pictures by PyBullet's TinyRenderer: on the CPU, without a display, the same on every machine."""

from __future__ import annotations

import math

import numpy as np

from doorlab.doors.door import Appearance
from doorlab.doors.view import View
from doorlab.sim.pybullet.engine import pybullet
from doorlab.sim.rendering import FAR, LAMP_DISTANCE, NEAR, RenderOptions

_LINK_SHIFT = 24  # a pixel of the mask holds the body's number and, above these bits, link + 1


def photograph(
    client: int, view: View, look: Appearance, image_size: int, layers: RenderOptions
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `view` sees of the world as it stands, all (H, W).

    Returns:
        RGB, uint8 (H, W, 3); depth buffer, float32; link of every pixel (-2 where nothing is),
        meaningless unless a segmentation was asked for.
    """
    mask = pybullet.ER_SEGMENTATION_MASK_OBJECT_AND_LINKINDEX
    # Both matrices are always given: without them PyBullet's pictures are blank (bullet3 #1157).
    picture = pybullet.getCameraImage(
        image_size,
        image_size,
        viewMatrix=pybullet.computeViewMatrix(view.eye, view.target, (0.0, 0.0, 1.0)),
        projectionMatrix=_projection(view, image_size),
        lightDirection=look.light_direction,
        lightDistance=LAMP_DISTANCE,
        lightColor=(1.0, 1.0, 1.0),
        lightDiffuseCoeff=look.light_strength,
        lightAmbientCoeff=1.0 - look.light_strength,
        lightSpecularCoeff=0.05,
        shadow=int(layers.shadows),
        renderer=pybullet.ER_TINY_RENDERER,
        flags=mask if layers.segmentation else pybullet.ER_NO_SEGMENTATION_MASK,
        physicsClientId=client,
    )
    shape = (image_size, image_size)
    rgb = np.reshape(np.asarray(picture[2], np.uint8), (*shape, 4))[..., :3]
    buffer = np.reshape(np.asarray(picture[3], np.float32), shape)
    links = np.reshape(np.asarray(picture[4], np.int64), shape)
    return rgb, buffer, np.where(links < 0, -2, (links >> _LINK_SHIFT) - 1)


def _projection(view: View, image_size: int) -> list[float]:
    """TinyRenderer draws half a pixel too far to the right and up: the matrix makes up for it."""
    matrix = list(
        pybullet.computeProjectionMatrixFOV(math.degrees(view.field_of_view), 1.0, NEAR, FAR)
    )
    matrix[8] += 1.0 / image_size
    matrix[9] += 1.0 / image_size
    return matrix


def metres(buffer: np.ndarray) -> np.ndarray:
    """float32: depth along the optical axis from what OpenGL's depth buffer holds."""
    return (FAR * NEAR / (FAR - (FAR - NEAR) * buffer)).astype(np.float32)
