"""Images by PyBullet's TinyRenderer: on the CPU, without a display, equal on all machines."""

from __future__ import annotations

import math

import numpy as np

from doorlab.doors.camera import View
from doorlab.doors.door import Appearance
from doorlab.sim.pybullet.engine import pybullet
from doorlab.sim.rendering import FAR, LAMP_DISTANCE, NEAR, RenderOptions

_LINK_SHIFT = 24  # a mask pixel holds the body number and, above these bits, link + 1


def photograph(
    client: int, view: View, appearance: Appearance, image_size: int, layers: RenderOptions
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Renders the current state of the world from `view`, all (H, W).

    Returns:
        RGB, uint8 (H, W, 3); depth buffer, float32; link of every pixel (-2 for the background),
        which is meaningless unless a segmentation is requested.
    """
    mask = pybullet.ER_SEGMENTATION_MASK_OBJECT_AND_LINKINDEX
    # Both matrices are always passed: without them PyBullet's images are blank (bullet3 #1157).
    rendered = pybullet.getCameraImage(
        image_size,
        image_size,
        viewMatrix=pybullet.computeViewMatrix(view.eye, view.target, (0.0, 0.0, 1.0)),
        projectionMatrix=_projection(view, image_size),
        lightDirection=appearance.light_direction,
        lightDistance=LAMP_DISTANCE,
        lightColor=(1.0, 1.0, 1.0),
        lightDiffuseCoeff=appearance.light_strength,
        lightAmbientCoeff=1.0 - appearance.light_strength,
        lightSpecularCoeff=0.05,
        shadow=int(layers.shadows),
        renderer=pybullet.ER_TINY_RENDERER,
        flags=mask if layers.segmentation else pybullet.ER_NO_SEGMENTATION_MASK,
        physicsClientId=client,
    )
    shape = (image_size, image_size)
    rgb = np.reshape(np.asarray(rendered[2], np.uint8), (*shape, 4))[..., :3]
    buffer = np.reshape(np.asarray(rendered[3], np.float32), shape)
    links = np.reshape(np.asarray(rendered[4], np.int64), shape)
    return rgb, buffer, np.where(links < 0, -2, (links >> _LINK_SHIFT) - 1)


def _projection(view: View, image_size: int) -> list[float]:
    """Projection matrix; corrects TinyRenderer's shift of half a pixel to the right and up."""
    matrix = list(
        pybullet.computeProjectionMatrixFOV(math.degrees(view.field_of_view), 1.0, NEAR, FAR)
    )
    matrix[8] += 1.0 / image_size
    matrix[9] += 1.0 / image_size
    return matrix


def meters(buffer: np.ndarray) -> np.ndarray:
    """float32: converts OpenGL depth-buffer values to depth along the optical axis, m."""
    return (FAR * NEAR / (FAR - (FAR - NEAR) * buffer)).astype(np.float32)
