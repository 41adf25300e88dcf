"""Results of interactions with doors.

Shapes: D doors, J interactions per door, T control steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from doorlab.doors.door import Door


@dataclass(frozen=True)
class InteractionResult:
    """Results of one or more interactions per door.

    Attributes:
        rewards: float32 (D, J), final joint position / opening limit, in [0, 1].
        joint_positions: float32 (D, J), rad (m if the door slides), at the end.
        slipped: bool (D, J), whether the grip slipped.
        steps: int32 (D, J), control steps until the end or the slip.
        trajectories: float32 (D, J, T), joint position at every control step, constant after the
            end; None unless requested.
        hands: float32 (D, J, T, 3), m, position of the hand in the middle of every control step,
            relative to `doors.geometry.grip_point`; NaN after a release. None unless
            trajectories were requested.
        time_step: s, duration of a control step; None unless trajectories were requested.
        arm_positions: float32 (D, J, T, 7), rad, joint positions of the arm after every control
            step; NaN after a release. None without an arm, and unless trajectories were requested.
        arm_targets: float32 (D, J, T, 7), rad, desired joint positions of the arm after every
            control step; NaN and None as for `arm_positions`.
    """

    rewards: np.ndarray
    joint_positions: np.ndarray
    slipped: np.ndarray
    steps: np.ndarray
    trajectories: np.ndarray | None = None
    hands: np.ndarray | None = None
    time_step: float | None = None
    arm_positions: np.ndarray | None = None
    arm_targets: np.ndarray | None = None


def rewards_of(doors: Sequence[Door], joint_positions: np.ndarray) -> np.ndarray:
    """float32 (D, J): joint position / opening limit, in [0, 1], rounded to 1e-6.

    Rounding hides that the last bits of a sine differ between processors.
    """
    limits = np.array([door.opening_limit for door in doors])[:, None]
    return np.clip(joint_positions / limits, 0.0, 1.0).round(6).astype(np.float32)
