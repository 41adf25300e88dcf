"""Frames of doors at several openings, of which the page makes films of interactions.

The page shows an interaction from the closed door to the opening of its reward, without the hand.

Legend: D doors, K openings.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np

from doorlab.doors import Door
from doorlab.doors.camera import View
from doorlab.sim.rendering import RenderOptions
from doorlab.sim.simulator import Simulator

OPENINGS = 9  # evenly spaced from closed to the limit, both included
_QUALITY = 88  # of JPEG; PNG needs three times as many bytes


def openings_of(
    simulator: Simulator,
    doors: Sequence[Door],
    views: Sequence[View],
    size: int,
    layers: RenderOptions,
) -> list[list[str]]:
    """Per door: K frames from one view as JPEG, from closed to open."""
    found = []
    for door, view in zip(doors, views, strict=True):
        positions = np.linspace(0.0, door.opening_limit, OPENINGS)
        rendered = simulator.render([door], positions[None], [[view] * OPENINGS], size, layers)
        found.append([_jpeg(image) for image in rendered.images[0]])
    return found


def _jpeg(image: np.ndarray) -> str:
    settings = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    data = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), settings)[1].tobytes()
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
