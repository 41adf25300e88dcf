"""Pictures by PyBullet's TinyRenderer: on the CPU, without a display, the same on every machine."""

from __future__ import annotations

import math

import numpy as np

from doorlab.doors.door import Appearance
from doorlab.doors.view import View
from doorlab.sim.pybullet.engine import pybullet

_NEAR, _FAR = 0.1, 12.0  # m


def photograph(client: int, view: View, look: Appearance, image_size: int) -> np.ndarray:
    """uint8 (H, W, 3): what `view` sees of the world as it stands."""
    # Both matrices are always given: without them PyBullet's pictures are blank (bullet3 #1157).
    eye_matrix = pybullet.computeViewMatrix(view.eye, view.target, (0.0, 0.0, 1.0))
    projection = pybullet.computeProjectionMatrixFOV(
        math.degrees(view.field_of_view), 1.0, _NEAR, _FAR
    )
    picture = pybullet.getCameraImage(
        image_size,
        image_size,
        viewMatrix=eye_matrix,
        projectionMatrix=projection,
        lightDirection=look.light_direction,
        lightColor=(1.0, 1.0, 1.0),
        lightDiffuseCoeff=look.light_strength,
        lightAmbientCoeff=1.0 - look.light_strength,
        lightSpecularCoeff=0.05,
        shadow=0,
        renderer=pybullet.ER_TINY_RENDERER,
        flags=pybullet.ER_NO_SEGMENTATION_MASK,
        physicsClientId=client,
    )
    return np.reshape(np.asarray(picture[2], np.uint8), (image_size, image_size, 4))[..., :3]
