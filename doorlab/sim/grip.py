"""The hand: its trajectory, and the limited force that couples it to the handle.

Independent of the engine, so that all simulators use the same hand. The hand acts on the *spindle*:
the point where the handle's axis meets the plane of the joint, at `Door.handle_radius`.

Equations. With d = (cos phi, 0, sin phi) in the plane of the door, r the assumed radius and
alpha(t) the minimum-jerk trajectory from 0 to the swing, the hand is at (relative to the handle's
start)

    p(t) = r (1 - cos alpha) d - r sin alpha e_y ,    or    p(t) = alpha d    if it slides.

The handle, at joint position q of a door of radius R, side s and swing w, is at

    h(q) = (s R (1 - cos q), -w R sin q, 0) ,    or    h(q) = (s q, 0, 0)    if the door slides.

The force on the handle is f = K (p - h) + C (p' - h'), limited to `MAX_FORCE` in magnitude. The
grip slips where |p - h| exceeds `SLIP_DISTANCE`. The force along the joint is f . dh/dq.

Legend: N interactions in parallel, T control steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from doorlab.doors.action import Action
from doorlab.doors.door import Door

STIFFNESS = 1500.0  # N / m
DAMPING = 120.0  # N s / m
MAX_FORCE = 80.0  # N
SLIP_DISTANCE = 0.10  # m
SWING_SECONDS = 2.0  # s, from rest to rest
STICKING_REACH = 0.03  # rad or m: opening at which a sticking panel comes free of its frame
LATCH_PLAY = 0.004  # rad or m: opening that a closed latch allows


def hand_paths(actions: Sequence[Action], time_step: float) -> tuple[np.ndarray, np.ndarray]:
    """Position and velocity of the hand in the middle of every time step.

    Returns:
        Positions (m, relative to the handle's start) and velocities (m/s), float64 (N, T, 3) each.
    """
    steps = round(SWING_SECONDS / time_step)
    s = (np.arange(steps) + 0.5) / steps
    swing = np.array([a.swing for a in actions])[:, None]
    alpha = swing * s**3 * (10 - 15 * s + 6 * s**2)
    alpha_rate = swing * 30 * s**2 * (1 - s) ** 2 / SWING_SECONDS
    phi = np.array([a.phi for a in actions])[:, None]
    slides = np.array([a.slides for a in actions])[:, None]
    radius = np.array([1.0 if a.slides else a.radius for a in actions])[:, None]
    sine, cosine = np.sin(alpha), np.cos(alpha)
    along = np.where(slides, alpha, radius * (1 - cosine))
    along_rate = np.where(slides, alpha_rate, radius * alpha_rate * sine)
    across = np.where(slides, 0.0, -radius * sine)
    across_rate = np.where(slides, 0.0, -radius * alpha_rate * cosine)
    return (
        np.stack([along * np.cos(phi), across, along * np.sin(phi)], axis=2),
        np.stack([along_rate * np.cos(phi), across_rate, along_rate * np.sin(phi)], axis=2),
    )


def until_released(paths: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """float32: paths (N, T, C) of a hand or an arm, with NaN from step `steps` (N,) on."""
    held = np.arange(paths.shape[1]) < steps[:, None]
    return np.where(held[..., None], paths, np.nan).astype(np.float32)


def opens_latch(door: Door, action: Action) -> bool:
    """Whether the action's handle rotation releases the latch; always False for a locked door."""
    turned = action.turn * door.latch_direction >= door.latch_angle
    return not door.locked and (door.latch_angle == 0.0 or turned)


class Floats:
    """Scalar replacements for numpy functions; much faster than arrays for a single door."""

    sin, cos, sqrt, maximum = math.sin, math.cos, math.sqrt, max


@dataclass(frozen=True)
class Handles:
    """Handles of N doors of one mechanism, and their positions as functions of the joint position.

    Attributes:
        slides: whether the doors slide.
        along: float64 (N,), s R of the equations (m), or s if the doors slide.
        across: float64 (N,), -w R of the equations (m).

    For a single door all numbers may be Python floats, with `Floats` as the library.
    """

    slides: bool
    along: Any
    across: Any

    @staticmethod
    def of(doors: Sequence[Door]) -> Handles:
        """Creates the handles of doors, which must all have the mechanism of the first."""
        slides = doors[0].mechanism == "sliding"
        radius = np.array([1.0 if slides else d.handle_radius for d in doors])
        along = radius * np.array([d.side_sign for d in doors])
        return Handles(slides, along, -radius * np.array([d.swing_sign for d in doors]))

    def take(self, rows: np.ndarray) -> Handles:
        """The handles at `rows`."""
        return Handles(self.slides, self.along[rows], self.across[rows])

    def single(self, row: int) -> Handles:
        """The handle at `row`, as Python floats."""
        return Handles(self.slides, float(self.along[row]), float(self.across[row]))

    def at(self, q: Any, library: Any = np) -> tuple[Any, Any, Any, Any]:
        """X and y of the handles relative to the closed door (m), and their derivatives by q."""
        if self.slides:
            return self.along * q, 0.0 * q, self.along, 0.0 * q
        sine, cosine = library.sin(q), library.cos(q)
        return (
            self.along * (1.0 - cosine),
            self.across * sine,
            self.along * sine,
            self.across * cosine,
        )


def grip_force(
    handles: Handles, q: Any, q_rate: Any, hand: Any, hand_rate: Any, library: Any = np
) -> tuple[Any, Any]:
    """Force of the hand along the joint (N m; N if the door slides), and the handle's lag (m).

    Args:
        handles: handles of N doors.
        q: joint positions, rad or m, (N,).
        q_rate: joint velocities, rad/s or m/s, (N,).
        hand: hand positions relative to the handles' start, m, (3, N).
        hand_rate: hand velocities, m/s, (3, N).
        library: numpy, or `Floats` for Python floats instead of arrays.
    """
    fx, fy, _, x_slope, y_slope, share, lag = _tie(handles, q, q_rate, hand, hand_rate, library)
    return share * (fx * x_slope + fy * y_slope), lag


def grip_pull(
    handles: Handles, q: np.ndarray, q_rate: np.ndarray, hand: np.ndarray, hand_rate: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Force along the joint, force vector on the handles (world frame, N, (3, N)), and lag (m).

    Arguments as for `grip_force`. The opposite force acts on the hand or arm.
    """
    fx, fy, fz, x_slope, y_slope, share, lag = _tie(handles, q, q_rate, hand, hand_rate, np)
    force = np.stack([share * fx, share * fy, share * fz])
    return share * (fx * x_slope + fy * y_slope), force, lag


def _tie(
    handles: Handles, q: Any, q_rate: Any, hand: Any, hand_rate: Any, library: Any
) -> tuple[Any, ...]:
    """Unlimited force (x, y, z), slopes (x, y), factor that limits the force, and the lag."""
    x, y, x_slope, y_slope = handles.at(q, library)
    lag_x, lag_y, lag_z = hand[0] - x, hand[1] - y, hand[2]
    fx = STIFFNESS * lag_x + DAMPING * (hand_rate[0] - x_slope * q_rate)
    fy = STIFFNESS * lag_y + DAMPING * (hand_rate[1] - y_slope * q_rate)
    fz = STIFFNESS * lag_z + DAMPING * hand_rate[2]
    force = library.sqrt(fx * fx + fy * fy + fz * fz)
    share = MAX_FORCE / library.maximum(force, MAX_FORCE)
    lag = library.sqrt(lag_x * lag_x + lag_y * lag_y + lag_z * lag_z)
    return fx, fy, fz, x_slope, y_slope, share, lag
