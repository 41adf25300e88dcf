"""What comes of pulling on doors.

Shapes: D doors, J interactions per door, T control steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interactions:
    """What came of one interaction or many.

    Attributes:
        rewards: float32 (D, J), joint position at the end / opening limit, in [0, 1].
        joint_positions: float32 (D, J), rad, at the end.
        slipped: bool (D, J), whether the grip was lost on the way.
        trajectories: float32 (D, J, T) joint position at every control step, rad, held after the
            end; None unless it was asked for.
    """

    rewards: np.ndarray
    joint_positions: np.ndarray
    slipped: np.ndarray
    trajectories: np.ndarray | None = None
