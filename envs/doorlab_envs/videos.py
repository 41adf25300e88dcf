"""Videos of interactions: recorded as joint and hand positions, rendered on request.

Legend: F frames of a video, T control steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from doorlab.doors import Door, View
from doorlab.doors.geometry import grip_point
from doorlab.sim import InteractionResult, Simulator

VIDEO_FRAMES = 24  # frames per interaction
VIDEO_RATE = 12  # frames/s: real time for an interaction of 2 s

_HAND = (230, 60, 30)  # RGB
_RIM = (255, 255, 255)
_RADIUS = 0.018  # of the hand's disc, as a fraction of the image
_SHIFT = 4  # fractional bits of OpenCV's coordinates: 1/16 pixel


@dataclass(frozen=True)
class InteractionVideo:
    """Content of a video.

    Attributes:
        positions: float32 (F,), joint positions, rad or m.
        hands: float32 (F, 3), m, hand positions relative to `grip_point`; NaN after release.
    """

    positions: np.ndarray
    hands: np.ndarray

    @staticmethod
    def closed() -> InteractionVideo:
        """A single frame of the closed door, without a hand."""
        return InteractionVideo(np.zeros(1, np.float32), np.full((1, 3), np.nan, np.float32))

    @staticmethod
    def of_interaction(done: InteractionResult, door: int) -> InteractionVideo:
        """The first interaction with door `door`, from closed; `done` must have trajectories."""
        assert done.trajectories is not None  # because of record=True
        positions = np.concatenate([[0.0], done.trajectories[door, 0]])
        positions[-1] = done.joint_positions[door, 0]  # without the overshoot of a soft stop
        hands = np.full((len(positions), 3), np.nan)
        if done.hands is not None:
            hands[0], hands[1:] = 0.0, done.hands[door, 0]
        chosen = np.linspace(0, len(positions) - 1, VIDEO_FRAMES).round().astype(int)
        return InteractionVideo(
            positions[chosen].astype(np.float32), hands[chosen].astype(np.float32)
        )

    def render(self, simulator: Simulator, door: Door, view: View, size: int) -> list[np.ndarray]:
        """Renders F images, uint8 (size, size, 3), of the door from a still camera."""
        different, frame_of = np.unique(self.positions, return_inverse=True)
        rendered = simulator.render(
            [door], different[None], [[view] * len(different)], size
        ).images[0]
        frames = rendered[frame_of]
        held = np.isfinite(self.hands).all(axis=1)
        where = view.project(grip_point(door) + self.hands[held], size)
        for frame, (x, y) in zip(np.flatnonzero(held), where, strict=True):
            _draw_hand(frames[frame], x, y)
        return list(frames)


def _draw_hand(image: np.ndarray, x: float, y: float) -> None:
    # In OpenCV, pixel centers have integer coordinates.
    center = tuple(round((value - 0.5) * 2**_SHIFT) for value in (x, y))
    for share, color in ((1.0, _RIM), (0.7, _HAND)):
        radius = round(share * _RADIUS * len(image) * 2**_SHIFT)
        cv2.circle(image, center, radius, color, cv2.FILLED, cv2.LINE_AA, _SHIFT)
