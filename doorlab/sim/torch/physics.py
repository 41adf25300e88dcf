"""Simulates interactions with many doors at once: one joint each, pulled by the hand of `sim.grip`.

A step, of the same length as PyBullet's, is semi-implicit: with the force f in its middle
(q + v dt / 2), damping c, inertia I and Coulomb friction m,

    v* = v + dt (f - k q_mid - c v) / I              the free velocity,
    v' = v* - clip(v*, -m dt / I, m dt / I)          friction removes at most its impulse,
    v' = clip(v', (0 - q) / dt, (limit - q) / dt)    joint limits are not exceeded,
    q' = q + dt v' .

Friction and limits are those of a converged implicit solver, not smoothed: a joint under a force
below its friction does not creep.

Shapes: D doors, J interactions per door, T control steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from doorlab.doors.action import MAX_SLIDE, MAX_SWING, MAX_TURN, RADIUS_RANGE, SLIDES_FROM
from doorlab.sim.grip import (
    DAMPING,
    LATCH_PLAY,
    MAX_FORCE,
    SLIP_DISTANCE,
    STICKING_REACH,
    STIFFNESS,
    SWING_SECONDS,
)
from doorlab.sim.torch.params import DoorParams, choose

TIME_STEP = 1 / 30  # s


@dataclass(frozen=True)
class InteractionTensors:
    """Results of interactions; see `sim.interactions.InteractionResult`.

    Attributes:
        rewards: (D, J), final joint position / opening limit, in [0, 1].
        joint_positions: (D, J), rad or m, at the end.
        slipped: bool (D, J).
        steps: int32 (D, J), until the end or the slip.
        trajectories: (D, J, T) joint positions after every step, constant after the end; or None.
    """

    rewards: Tensor
    joint_positions: Tensor
    slipped: Tensor
    steps: Tensor
    trajectories: Tensor | None = None


def interact(
    doors: DoorParams, actions: Tensor, *, time_step: float = TIME_STEP, record: bool = False
) -> InteractionTensors:
    """Simulates every normalized action on its door, from the closed door at rest.

    Args:
        doors: D doors.
        actions: (D, J, 4) in Box(-1, 1), on the device of the doors.
        time_step: s.
        record: whether to return the trajectories.
    """
    columns = _broadcast(doors, actions)
    steps = round(SWING_SECONDS / time_step)
    joint = _Joint(columns, time_step)
    hand = _Hand(columns)
    courses = []
    for s, s_rate in _course(steps):
        joint.step(*hand.at(s, s_rate))
        if record:
            courses.append(joint.end)
    shape = actions.shape[:2]
    end = joint.end.reshape(shape)
    return InteractionTensors(
        rewards=(end / doors["opening_limit"][:, None]).clamp(0.0, 1.0),
        joint_positions=end,
        slipped=joint.holds.reshape(shape) == 0.0,
        steps=joint.steps.reshape(shape).to(torch.int32),
        trajectories=torch.stack(courses, dim=1).reshape(*shape, steps) if record else None,
    )


def _broadcast(doors: DoorParams, actions: Tensor) -> dict[str, Tensor]:
    """The inputs of the simulation loop, contiguous (D J,) each.

    Numbers are 0 where they do not apply, and selections are products with 0 or 1: `torch.where`
    takes thirty times as long on a CPU.
    """
    shape, limit = actions.shape[:2], doors["opening_limit"]
    a = actions.to(limit)
    low, high = RADIUS_RANGE
    clipped = a.clamp(-1.0, 1.0)
    share = (clipped[..., 1] + 1.0) / (SLIDES_FROM + 1.0)
    hand_slides = clipped[..., 1] >= SLIDES_FROM
    latch = doors["latch_angle"][:, None]
    turned = MAX_TURN * clipped[..., 3] * doors["latch_direction"][:, None] >= latch
    opens = ~doors["locked"][:, None] & ((latch == 0.0) | turned)
    along = doors.side_sign * torch.where(doors.slides, 1.0, doors.handle_radius)
    values = {
        "cosine": torch.cos(math.pi * a[..., 0]),
        "sine": torch.sin(math.pi * a[..., 0]),
        "hand_slides": hand_slides.to(a.dtype),
        "hand_radius": (low + share * (high - low)) * ~hand_slides,
        "swing": choose(hand_slides, MAX_SLIDE, MAX_SWING, a) * clipped[..., 2],
        "limit": torch.where(opens, limit[:, None], LATCH_PLAY),
        "slide": (along * doors.slides)[:, None],
        "along": (along * ~doors.slides)[:, None],
        "across": (-doors.handle_radius * doors.swing_sign * ~doors.slides)[:, None],
        "inverse_inertia": (1.0 / doors.joint_inertia)[:, None],
        "friction": doors["hinge_friction"][:, None],
        "stiction": doors["stiction"][:, None],
        "damping": doors["hinge_damping"][:, None],
        "closer": doors["closer_stiffness"][:, None],
    }
    return {name: v.expand(shape).reshape(-1).contiguous() for name, v in values.items()}


def _course(steps: int) -> list[tuple[float, float]]:
    """Fraction of the swing, and its rate (1/s), in the middle of every step."""
    middles = [(t + 0.5) / steps for t in range(steps)]
    return [
        (s**3 * (10 - 15 * s + 6 * s**2), 30 * s**2 * (1 - s) ** 2 / SWING_SECONDS) for s in middles
    ]


class _Hand:
    """Paths of the hands, as in `grip.hand_paths`, evaluated step by step."""

    def __init__(self, columns: dict[str, Tensor]) -> None:
        self._c = columns

    def at(self, s: float, s_rate: float) -> tuple[Tensor, ...]:
        """X, y, z (m) of the hands and their rates (m/s), after a fraction `s` of the swing."""
        c = self._c
        alpha, rate = c["swing"] * s, c["swing"] * s_rate
        arc = c["hand_radius"] * torch.sin(alpha)
        lead = c["hand_radius"] * torch.cos(alpha)
        along = c["hand_slides"] * alpha + (c["hand_radius"] - lead)
        along_rate = rate * (c["hand_slides"] + arc)
        return (
            along * c["cosine"],
            -arc,
            along * c["sine"],
            along_rate * c["cosine"],
            -rate * lead,
            along_rate * c["sine"],
        )


class _Joint:
    """Joints of the doors, and the grips on them.

    Attributes:
        end: (N,), rad or m, current joint position, or that at the slip.
        holds: (N,), 1 until the grip slips, 0 afterwards.
        steps: (N,), number of steps until now or until the slip.
    """

    def __init__(self, columns: dict[str, Tensor], time_step: float) -> None:
        self._c, self._dt = columns, time_step
        nothing = torch.zeros_like(columns["limit"])
        self._q, self._rate, self._q_before, self._lag_before = (nothing,) * 4
        self._friction = time_step * columns["friction"] * columns["inverse_inertia"]
        self._sticking = time_step * columns["stiction"] * columns["inverse_inertia"]
        self._stuck, self.holds = torch.ones_like(nothing), torch.ones_like(nothing)
        self.end, self.steps = nothing, nothing

    def step(self, *hand: Tensor) -> None:
        """Simulates one time step with the hands at the given positions."""
        c, dt = self._c, self._dt
        q = self._q + self._rate * (dt / 2)
        force, lag = _grip(c, q, self._rate, hand)
        self._let_go(q, lag)
        push = force - c["closer"] * q - c["damping"] * self._rate
        rate = self._rate + push * c["inverse_inertia"] * dt
        most = self._friction + self._stuck * self._sticking
        rate = rate - torch.minimum(torch.maximum(rate, -most), most)
        rate = torch.minimum(torch.maximum(rate, -self._q / dt), (c["limit"] - self._q) / dt)
        self._rate, self._q = rate, self._q + dt * rate
        self._stuck = self._stuck * (1.0 - torch.relu(self._q - STICKING_REACH).sign())
        self.end = self.end * (1.0 - self.holds) + self._q * self.holds

    def _let_go(self, q: Tensor, lag: Tensor) -> None:
        """Releases handles whose lag is too large, and interpolates `end` at that moment."""
        lost = self.holds * torch.relu(lag - SLIP_DISTANCE).sign()
        share = (SLIP_DISTANCE - self._lag_before) / (lag - self._lag_before).clamp(min=1e-12)
        at = self._q_before + share * (q - self._q_before)
        self.end = self.end * (1.0 - lost) + at * lost
        self.holds = self.holds - lost
        self.steps = self.steps + self.holds
        self._q_before, self._lag_before = q, lag


def _grip(
    c: dict[str, Tensor], q: Tensor, q_rate: Tensor, hand: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """The force along the joint (N m; N) and the lag (m): `grip.grip_force` as tensors."""
    sine, cosine = torch.sin(q), torch.cos(q)
    x = c["slide"] * q + c["along"] * (1.0 - cosine)
    y = c["across"] * sine
    x_slope = c["slide"] + c["along"] * sine
    y_slope = c["across"] * cosine
    lag_x, lag_y, lag_z = hand[0] - x, hand[1] - y, hand[2]
    fx = STIFFNESS * lag_x + DAMPING * (hand[3] - x_slope * q_rate)
    fy = STIFFNESS * lag_y + DAMPING * (hand[4] - y_slope * q_rate)
    fz = STIFFNESS * lag_z + DAMPING * hand[5]
    share = MAX_FORCE / torch.sqrt(fx * fx + fy * fy + fz * fz).clamp(min=MAX_FORCE)
    lag = torch.sqrt(lag_x * lag_x + lag_y * lag_y + lag_z * lag_z)
    return share * (fx * x_slope + fy * y_slope), lag
