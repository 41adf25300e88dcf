"""An action: the way that a hand goes while it grips the handle.

The hand turns the handle by `turn` and then follows an arc: it supposes a hinge axis at distance
`radius` from the handle, in direction `phi` in the plane of the door (0: to the right, pi/2: up,
pi: to the left; periodic), and goes about it by the angle `swing` (positive: towards the robot).
A hand that supposes no hinge within reach slides: straight along `phi`, by `swing` metres.

One space holds both, so that whoever acts has to find out what kind of door it is, as with any
other parameter. As a limit of arcs a slide would need a plane of motion that turns with phi; then
"pull" on one side of the door would be "push" on the other, and the meaning of every coordinate
would hang on that of another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from doorlab.doors.door import Door

ACTION_DIM = 4
RADIUS_RANGE = (0.2, 1.3)  # m
MAX_SWING = 2.0  # rad
MAX_SLIDE = 1.2  # m
MAX_TURN = 1.0  # rad
SLIDES_FROM = 0.75  # normalised radii from here on mean: no hinge, slide

_OVERSHOOT = 0.08  # rad: the oracle leans a little on the stop, to make up for the grip's give
_SLIDE_OVERSHOOT = 0.06  # m


@dataclass(frozen=True)
class Action:
    """One action in physical units."""

    phi: float  # rad, direction from the handle to the supposed hinge axis, or of the slide
    radius: float  # m, supposed distance to the hinge axis; infinite for a slide
    swing: float  # rad, signed: > 0 pulls, < 0 pushes; m along phi for a slide
    turn: float  # rad, signed: > 0 turns the handle clockwise as the robot sees it

    @property
    def slides(self) -> bool:
        """Whether the hand supposes a sliding door."""
        return math.isinf(self.radius)

    @staticmethod
    def from_normalised(a: np.ndarray) -> Action:
        """The action for a point of Box(-1, 1, (4,)); outside values are clipped (phi wraps)."""
        low, high = RADIUS_RANGE
        _, radius, swing, turn = (float(v) for v in np.clip(a, -1.0, 1.0))
        slides = radius >= SLIDES_FROM
        share = (radius + 1.0) / (SLIDES_FROM + 1.0)
        return Action(
            phi=math.pi * float(a[0]),
            radius=math.inf if slides else low + share * (high - low),
            swing=(MAX_SLIDE if slides else MAX_SWING) * swing,
            turn=MAX_TURN * turn,
        )

    def to_normalised(self) -> np.ndarray:
        """float32 (4,) in Box(-1, 1): the inverse of `from_normalised`."""
        phi = (self.phi / math.pi + 1.0) % 2.0 - 1.0
        swing = self.swing / (MAX_SLIDE if self.slides else MAX_SWING)
        radius = normalised_radius(self.radius)
        a = np.array([phi, radius, swing, self.turn / MAX_TURN], dtype=np.float32)
        return np.clip(a, -1.0, 1.0)


def normalised_radius(radius: float) -> float:
    """The coordinate of a supposed radius in metres; of a slide, if it is infinite."""
    if math.isinf(radius):
        return (1.0 + SLIDES_FROM) / 2.0
    low, high = RADIUS_RANGE
    share = (radius - low) / (high - low)
    return min((SLIDES_FROM + 1.0) * share - 1.0, SLIDES_FROM - 1e-5)


def oracle_action(door: Door) -> np.ndarray:
    """float32 (4,): the action of somebody who knows every parameter of the door."""
    turn = min(door.latch_turn + 0.1, MAX_TURN) if door.latch_turn else 0.0
    phi = 0.0 if door.hinge_side == "right" else math.pi
    turn *= door.latch_direction
    if door.mechanism == "sliding":
        slide = min(door.opening_limit + _SLIDE_OVERSHOOT, MAX_SLIDE)
        return Action(phi, math.inf, slide, turn).to_normalised()
    swing = door.swing_sign * min(door.opening_limit + _OVERSHOOT, MAX_SWING)
    return Action(phi, door.handle_radius, swing, turn).to_normalised()
