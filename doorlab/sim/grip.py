"""The hand: the arc that it follows, and the limited force that ties it to the handle.

Engine-free, so that every simulator pulls with the same hand. The hand acts on the *spindle*:
the point where the handle's axis meets the plane of the hinge axis, at `Door.handle_radius`.

Equations. With d = (cos phi, 0, sin phi) in the plane of the door, r the supposed radius and
alpha(t) the minimum-jerk course from 0 to the swing, the hand is at (from the handle's start)

    p(t) = r (1 - cos alpha) d - r sin alpha e_y .

The handle, at joint position q of a door of radius R, side s and swing w, is at

    h(q) = (s R (1 - cos q), -w R sin q, 0) .

The force on the handle is f = K (p - h) + C (p' - h'), cut to `MAX_FORCE` in magnitude; the grip
slips where |p - h| exceeds `SLIP_DISTANCE`. The torque about the hinge is f . dh/dq.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from doorlab.doors.action import Action
from doorlab.doors.door import Door

STIFFNESS = 1500.0  # N / m
DAMPING = 120.0  # N s / m
MAX_FORCE = 80.0  # N
SLIP_DISTANCE = 0.10  # m
SWING_SECONDS = 2.0  # s, from rest to rest


@dataclass(frozen=True)
class HandPath:
    """The hand at every control step: positions (m) and velocities (m/s), (T, 3), as lists."""

    positions: list[list[float]]
    velocities: list[list[float]]


def hand_path(action: Action, time_step: float) -> HandPath:
    """The arc of the swing sampled at t = time_step, 2 time_step, ..., SWING_SECONDS."""
    steps = round(SWING_SECONDS / time_step)
    s = np.arange(1, steps + 1) / steps
    alpha = action.swing * s**3 * (10 - 15 * s + 6 * s**2)
    alpha_rate = action.swing * 30 * s**2 * (1 - s) ** 2 / SWING_SECONDS
    sine, cosine = np.sin(alpha), np.cos(alpha)
    along = np.array([math.cos(action.phi), 0.0, math.sin(action.phi)])
    outwards = np.array([0.0, -1.0, 0.0])
    position = action.radius * ((1 - cosine)[:, None] * along + sine[:, None] * outwards)
    velocity = (action.radius * alpha_rate)[:, None] * (
        sine[:, None] * along + cosine[:, None] * outwards
    )
    return HandPath(position.tolist(), velocity.tolist())


def opens_latch(door: Door, action: Action) -> bool:
    """Whether the hand's turn of the handle draws the latch (true where there is none)."""
    return door.latch_turn == 0.0 or action.turn * door.latch_direction >= door.latch_turn


def grip_torque(
    handle: tuple[float, float, float],
    q: float,
    q_rate: float,
    hand: list[float],
    hand_rate: list[float],
) -> tuple[float, float]:
    """Torque about the hinge (N m) and the lag of the handle behind the hand (m).

    Args:
        handle: (R, s R, -w R): radius, and the two signed radii of the equations above.
        q: joint position, rad.
        q_rate: joint velocity, rad/s.
        hand: position of the hand from the handle's start, m.
        hand_rate: its velocity, m/s.
    """
    _, along, across = handle
    sine, cosine = math.sin(q), math.cos(q)
    x_slope, y_slope = along * sine, across * cosine  # dh/dq
    lag_x = hand[0] - along * (1.0 - cosine)
    lag_y = hand[1] - across * sine
    lag_z = hand[2]
    fx = STIFFNESS * lag_x + DAMPING * (hand_rate[0] - x_slope * q_rate)
    fy = STIFFNESS * lag_y + DAMPING * (hand_rate[1] - y_slope * q_rate)
    fz = STIFFNESS * lag_z + DAMPING * hand_rate[2]
    force = math.sqrt(fx * fx + fy * fy + fz * fz)
    share = MAX_FORCE / force if force > MAX_FORCE else 1.0
    lag = math.sqrt(lag_x * lag_x + lag_y * lag_y + lag_z * lag_z)
    return share * (fx * x_slope + fy * y_slope), lag
