"""An action: the arc that a hand follows while it grips the handle.

The hand supposes a hinge axis at distance `radius` from the handle, in direction `phi` in the
plane of the door (0: to the right, pi/2: up, pi: to the left; periodic). It turns the handle by
`turn`, then moves along the arc about that axis by the angle `swing` (positive: towards the
robot, negative: away from it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from doorlab.doors.door import Door

ACTION_DIM = 4
RADIUS_RANGE = (0.2, 1.3)  # m
MAX_SWING = 2.0  # rad
MAX_TURN = 1.0  # rad

_OVERSHOOT = 0.08  # rad: the oracle leans a little on the stop, to make up for the grip's give


@dataclass(frozen=True)
class Action:
    """One action in physical units."""

    phi: float  # rad, direction from the handle to the supposed hinge axis, in the door plane
    radius: float  # m, supposed distance to the hinge axis
    swing: float  # rad, signed: > 0 pulls, < 0 pushes
    turn: float  # rad, signed: > 0 turns the handle clockwise as the robot sees it

    @staticmethod
    def from_normalised(a: np.ndarray) -> Action:
        """The action for a point of Box(-1, 1, (4,)); outside values are clipped (phi wraps)."""
        low, high = RADIUS_RANGE
        _, radius, swing, turn = (float(v) for v in np.clip(a, -1.0, 1.0))
        return Action(
            phi=math.pi * float(a[0]),
            radius=low + (radius + 1.0) / 2.0 * (high - low),
            swing=MAX_SWING * swing,
            turn=MAX_TURN * turn,
        )

    def to_normalised(self) -> np.ndarray:
        """float32 (4,) in Box(-1, 1): the inverse of `from_normalised`."""
        low, high = RADIUS_RANGE
        phi = (self.phi / math.pi + 1.0) % 2.0 - 1.0
        radius = 2.0 * (self.radius - low) / (high - low) - 1.0
        a = [phi, radius, self.swing / MAX_SWING, self.turn / MAX_TURN]
        return np.clip(np.array(a, dtype=np.float32), -1.0, 1.0)


def oracle_action(door: Door) -> np.ndarray:
    """float32 (4,): the action of somebody who knows every parameter of the door."""
    turn = min(door.latch_turn + 0.1, MAX_TURN) if door.latch_turn else 0.0
    return Action(
        phi=0.0 if door.hinge_side == "right" else math.pi,
        radius=door.handle_radius,
        swing=door.swing_sign * min(door.opening_limit + _OVERSHOOT, MAX_SWING),
        turn=door.latch_direction * turn,
    ).to_normalised()
