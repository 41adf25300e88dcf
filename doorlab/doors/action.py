"""Actions: the path of a hand that grips the handle.

The hand turns the handle by `turn` and then follows an arc: it assumes a hinge axis at distance
`radius` from the handle, in direction `phi` in the plane of the door (0: to the right, pi/2: up,
pi: to the left; periodic), and rotates about it by the angle `swing` (positive: towards the robot).
A hand that assumes no hinge within reach slides: straight along `phi`, by `swing` meters.

A single action space contains both kinds, so that a policy has to infer the mechanism like any
other parameter. Slides are not the limit of arcs of infinite radius, which would require a plane of
motion that rotates with phi. Then "pull" on one side of the door would be "push" on the other,
and the meaning of every coordinate would depend on another coordinate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from doorlab.doors.bounds import anywhere, positive, store_numbers
from doorlab.doors.door import Door
from doorlab.errors import ConfigError

ACTION_DIM = 4
RADIUS_RANGE = (0.2, 1.3)  # m
MAX_SWING = 2.0  # rad
MAX_SLIDE = 1.2  # m
MAX_TURN = 1.0  # rad
SLIDES_FROM = 0.75  # normalized radii from here on mean: no hinge, slide

_ROUNDING = 1e-5  # rounding errors outside of the box that are clipped
_REAL = "pass real numbers (for an Action, those of action.to_normalized())"
_NUMBERS = {"phi": anywhere("rad"), "swing": anywhere("rad"), "turn": anywhere("rad")}
_RADIUS = {"radius": positive(unit="m")}
_OVERSHOOT = 0.08  # rad: the oracle aims slightly beyond the stop, because the grip is compliant
_SLIDE_OVERSHOOT = 0.06  # m


@dataclass(frozen=True)
class Action:
    """One action in physical units. Raises ConfigError for invalid numbers."""

    phi: float  # rad, direction from the handle to the assumed hinge axis, or of the slide
    radius: float  # m, assumed distance to the hinge axis; infinite for a slide
    swing: float  # rad, signed: > 0 pulls, < 0 pushes; m along phi for a slide
    turn: float  # rad, signed: > 0 turns the handle clockwise from the robot's viewpoint

    def __post_init__(self) -> None:
        store_numbers("an action", self, _NUMBERS)
        if not isinstance(self.radius, float) or not math.isinf(self.radius):
            store_numbers("an action", self, _RADIUS)

    @property
    def slides(self) -> bool:
        """Whether the action assumes a sliding door."""
        return math.isinf(self.radius)

    @staticmethod
    def from_normalized(a: np.ndarray) -> Action:
        """The action for a point of Box(-1, 1, (4,)). Raises ConfigError for other values."""
        low, high = RADIUS_RANGE
        phi, radius, swing, turn = checked_actions(a, ()).tolist()
        slides = radius >= SLIDES_FROM
        share = (radius + 1.0) / (SLIDES_FROM + 1.0)
        return Action(
            phi=math.pi * phi,
            radius=math.inf if slides else low + share * (high - low),
            swing=(MAX_SLIDE if slides else MAX_SWING) * swing,
            turn=MAX_TURN * turn,
        )

    def to_normalized(self) -> np.ndarray:
        """float32 (4,) in Box(-1, 1): the inverse of `from_normalized`."""
        phi = (self.phi / math.pi + 1.0) % 2.0 - 1.0
        swing = self.swing / (MAX_SLIDE if self.slides else MAX_SWING)
        radius = normalized_radius(self.radius)
        a = np.array([phi, radius, swing, self.turn / MAX_TURN], dtype=np.float32)
        return np.clip(a, -1.0, 1.0)


def checked_actions(
    actions: Any, shape: tuple[int | str, ...], rounding: float = _ROUNDING
) -> np.ndarray:
    """Checks normalized actions; returns an array (*shape, 4) of numbers in [-1, 1].

    Args:
        actions: anything that NumPy can convert to such an array.
        shape: axes before the four coordinates: the length of each, or a word for an axis of
            any length.
        rounding: distance outside of the range up to which values are clipped.

    Returns:
        The array in its own dtype.

    Raises ConfigError for another shape, and for values that are not numbers, NaN, infinite or
    out of range.
    """
    expected = _expected(shape)
    try:
        array = np.asarray(actions)
    except ValueError:
        raise ConfigError(expected, "rows of different lengths", "pass an array") from None
    if array.dtype.kind not in "iuf":
        raise ConfigError(
            expected,
            f"an array of {array.dtype}",
            _REAL,
        )
    wanted = (*shape, ACTION_DIM)
    fits = array.ndim == len(wanted) and all(
        isinstance(want, str) or want == size
        for want, size in zip(wanted, array.shape, strict=True)
    )
    if not fits:
        raise ConfigError(expected, f"an array of shape {array.shape}", "correct its shape")
    within = np.abs(array) <= 1.0 + rounding
    if not within.all():
        odd = array[~within][0]
        fix = "scale it. An action in rad and m is Action(phi, radius, swing, turn)"
        if not np.isfinite(odd):
            fix = "check the code that computes the action"
        raise ConfigError(expected, f"an array that contains {odd}", fix)
    return np.clip(array, -1, 1)


def _expected(shape: tuple[int | str, ...]) -> str:
    """Describes actions of a shape, for messages."""
    numbers = f"{ACTION_DIM} numbers in [-1, 1]"
    if not shape:
        return f"an action of {numbers}"
    if len(shape) == 1:
        many = "actions" if isinstance(shape[0], str) else f"{shape[0]} actions"
        return f"{many} of {numbers} each"
    return f"actions of shape ({', '.join(map(str, shape))}, {ACTION_DIM}) with numbers in [-1, 1]"


def normalized_radius(radius: float) -> float:
    """The normalized coordinate of an assumed radius in meters; an infinite radius is a slide."""
    if math.isinf(radius):
        return (1.0 + SLIDES_FROM) / 2.0
    low, high = RADIUS_RANGE
    share = (radius - low) / (high - low)
    return min((SLIDES_FROM + 1.0) * share - 1.0, SLIDES_FROM - 1e-5)


def oracle_action(door: Door) -> np.ndarray:
    """float32 (4,): the best action given all parameters of the door."""
    turn = min(door.latch_angle + 0.1, MAX_TURN) if door.latch_angle else 0.0
    phi = 0.0 if door.hinge_side == "right" else math.pi
    turn *= door.latch_direction
    if door.mechanism == "sliding":
        slide = min(door.opening_limit + _SLIDE_OVERSHOOT, MAX_SLIDE)
        return Action(phi, math.inf, slide, turn).to_normalized()
    swing = door.swing_sign * min(door.opening_limit + _OVERSHOOT, MAX_SWING)
    return Action(phi, door.handle_radius, swing, turn).to_normalized()
