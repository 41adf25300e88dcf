"""What comes of pulling on doors.

Shapes: D doors, J interactions per door, T control steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from doorlab.doors.door import Door


@dataclass(frozen=True)
class InteractionResult:
    """What came of one interaction or many.

    Attributes:
        rewards: float32 (D, J), joint position at the end / opening limit, in [0, 1].
        joint_positions: float32 (D, J), rad (m if the door slides), at the end.
        slipped: bool (D, J), whether the grip was lost on the way.
        steps: int32 (D, J), control steps until the end or the slip.
        trajectories: float32 (D, J, T) joint position at every control step, held after the
            end; None unless it was asked for.
        hands: float32 (D, J, T, 3), m, where the hand is in the middle of every control step, from
            `doors.geometry.grip_point`; NaN once it has let go. None unless trajectories were asked
            for.
    """

    rewards: np.ndarray
    joint_positions: np.ndarray
    slipped: np.ndarray
    steps: np.ndarray
    trajectories: np.ndarray | None = None
    hands: np.ndarray | None = None


def rewards_of(doors: Sequence[Door], joint_positions: np.ndarray) -> np.ndarray:
    """float32 (D, J): joint position / opening limit, in [0, 1], to a millionth.

    The last bits of a sine differ from processor to processor; rewards should not.
    """
    limits = np.array([door.opening_limit for door in doors])[:, None]
    return np.clip(joint_positions / limits, 0.0, 1.0).round(6).astype(np.float32)
