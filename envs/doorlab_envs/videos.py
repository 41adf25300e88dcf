"""Films of interactions: what happened first, as numbers; pictures when somebody wants to see them.

Legend: F frames of a film, T control steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from doorlab.doors import Door, View
from doorlab.doors.geometry import grip_point
from doorlab.sim import InteractionResult, Simulator

FILM_FRAMES = 24  # of one interaction
FILM_RATE = 12  # frames/s: a hand's interaction of 2 s in real time

_HAND = (230, 60, 30)  # RGB
_RIM = (255, 255, 255)
_RADIUS = 0.018  # of the hand's disc, as a share of the picture
_SHIFT = 4  # OpenCV draws to the 16th of a pixel


@dataclass(frozen=True)
class InteractionVideo:
    """What a film shows.

    Attributes:
        positions: float32 (F,), joint positions, rad or m.
        hands: float32 (F, 3), m, where the hand is, from `grip_point`; NaN where it holds nothing.
    """

    positions: np.ndarray
    hands: np.ndarray

    @staticmethod
    def shut() -> InteractionVideo:
        """One frame of a door that nobody touches."""
        return InteractionVideo(np.zeros(1, np.float32), np.full((1, 3), np.nan, np.float32))

    @staticmethod
    def of_interaction(done: InteractionResult, door: int) -> InteractionVideo:
        """The first interaction with a door, from shut to the end. `done` has trajectories."""
        assert done.trajectories is not None  # they were asked for
        positions = np.concatenate([[0.0], done.trajectories[door, 0]])
        positions[-1] = done.joint_positions[
            door, 0
        ]  # where a stop that gave way has it in the end
        hands = np.full((len(positions), 3), np.nan)
        if done.hands is not None:
            hands[0], hands[1:] = 0.0, done.hands[door, 0]
        chosen = np.linspace(0, len(positions) - 1, FILM_FRAMES).round().astype(int)
        return InteractionVideo(
            positions[chosen].astype(np.float32), hands[chosen].astype(np.float32)
        )

    def render(self, simulator: Simulator, door: Door, view: View, size: int) -> list[np.ndarray]:
        """F pictures, uint8 (size, size, 3), of the door from a still camera."""
        different, frame_of = np.unique(self.positions, return_inverse=True)
        drawn = simulator.render([door], different[None], [[view] * len(different)], size).images[0]
        frames = drawn[frame_of]
        held = np.isfinite(self.hands).all(axis=1)
        where = view.project(grip_point(door) + self.hands[held], size)
        for frame, (x, y) in zip(np.flatnonzero(held), where, strict=True):
            _draw_hand(frames[frame], x, y)
        return list(frames)


def _draw_hand(picture: np.ndarray, x: float, y: float) -> None:
    # OpenCV has whole numbers in the middle of pixels.
    center = tuple(round((value - 0.5) * 2**_SHIFT) for value in (x, y))
    for share, color in ((1.0, _RIM), (0.7, _HAND)):
        radius = round(share * _RADIUS * len(picture) * 2**_SHIFT)
        cv2.circle(picture, center, radius, color, cv2.FILLED, cv2.LINE_AA, _SHIFT)
