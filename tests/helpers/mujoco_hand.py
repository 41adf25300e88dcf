"""The hand and its grip once more, in MuJoCo, from the equations in `doorlab.sim.grip`'s docstring.

Shares parameters with doorlab.sim, and no code. The door comes as URDF, the handle is a site on its
panel and MuJoCo's Jacobian turns the force at that site into one along the joint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from doorlab.doors import Action, Door
from doorlab.doors.geometry import joint_origin
from doorlab.doors.urdf import door_urdf
from doorlab.sim.grip import (
    DAMPING,
    MAX_FORCE,
    SLIP_DISTANCE,
    STICKING_REACH,
    STIFFNESS,
    SWING_SECONDS,
)

TIME_STEP = 0.002  # s; with half of it, no end of 500 moved by more than 0.0017 of the limit
_LATCH_PLAY = 0.004  # rad or m


@dataclass(frozen=True)
class Pull:
    """What came of one interaction.

    Attributes:
        end: joint position at the end or the slip, rad or m.
        slipped: whether the grip was lost.
        course: joint position before every step, (steps,).
        lags: distance of the handle from the hand before every step, m, (steps,).
    """

    end: float
    slipped: bool
    course: np.ndarray
    lags: np.ndarray


def hand_at(action: Action, time: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the hand is, from the handle's start (m), and how fast it goes (m/s)."""
    s = min(time / SWING_SECONDS, 1.0)
    way = action.swing * (10 * s**3 - 15 * s**4 + 6 * s**5)
    rate = action.swing * (30 * s**2 - 60 * s**3 + 30 * s**4) / SWING_SECONDS
    towards = (math.cos(action.phi), 0.0, math.sin(action.phi))
    if action.slides:
        return way * np.array(towards), rate * np.array(towards)
    along, across = action.radius * (1 - math.cos(way)), -action.radius * math.sin(way)
    along_rate = action.radius * math.sin(way) * rate
    across_rate = -action.radius * math.cos(way) * rate
    return (
        np.array([along * towards[0], across, along * towards[2]]),
        np.array([along_rate * towards[0], across_rate, along_rate * towards[2]]),
    )


def door_model(door: Door, *, held: bool) -> mujoco.MjModel:
    """The door with what URDF has no word for: a site at the handle, a closer, a latch's play."""
    spec = mujoco.MjSpec.from_string(door_urdf(door, visuals=False))
    start = np.array([-door.side_sign * door.handle_radius, 0.0, door.handle_height])
    start[2] -= joint_origin(door)[2]
    spec.body("panel").add_site(name="handle", pos=start)
    spec.option.timestep = TIME_STEP
    model = spec.compile()
    model.jnt_stiffness[0] = door.closer_stiffness
    model.dof_frictionloss[0] = door.hinge_friction + door.stiction
    if held:
        model.jnt_range[0, 1] = _LATCH_PLAY
    # MuJoCo's constraints are soft: as hard as the time step allows.
    model.dof_solref[0] = model.jnt_solref[0] = (2.5 * TIME_STEP, 1.0)
    model.dof_solimp[0, :2] = model.jnt_solimp[0, :2] = (0.99, 0.999)
    return model


def lag_at(door: Door, action: Action, q: float, time: float) -> float:
    """How far a handle at joint position q lags behind the hand, m."""
    sign, radius = door.side_sign, door.handle_radius
    handle = (sign * radius * (1 - math.cos(q)), -door.swing_sign * radius * math.sin(q), 0.0)
    if door.mechanism == "sliding":
        handle = (sign * q, 0.0, 0.0)
    return math.dist(hand_at(action, time)[0], handle)


def pull(door: Door, action: Action) -> Pull:
    """One interaction, from shut and at rest."""
    needed = door.latch_angle > 0.0 and action.turn * door.latch_direction < door.latch_angle
    model = door_model(door, held=door.locked or needed)
    data = mujoco.MjData(model)
    slope = np.zeros((3, 1))
    start, course, lags = None, [], []
    for step in range(round(SWING_SECONDS / model.opt.timestep)):
        mujoco.mj_step1(model, data)  # positions and velocities of everything at this moment
        mujoco.mj_jacSite(model, data, slope, None, 0)
        start = data.site_xpos[0].copy() if start is None else start
        hand, hand_rate = hand_at(action, step * model.opt.timestep)
        behind = hand - (data.site_xpos[0] - start)
        force = STIFFNESS * behind + DAMPING * (hand_rate - slope[:, 0] * data.qvel[0])
        force *= min(1.0, MAX_FORCE / max(math.hypot(*force), 1e-9))
        course.append(data.qpos[0])
        lags.append(math.hypot(*behind))
        if lags[-1] > SLIP_DISTANCE:
            break
        if data.qpos[0] > STICKING_REACH:
            model.dof_frictionloss[0] = door.hinge_friction
        data.qfrc_applied[0] = slope[:, 0] @ force
        mujoco.mj_step2(model, data)
    return Pull(float(data.qpos[0]), lags[-1] > SLIP_DISTANCE, np.array(course), np.array(lags))
