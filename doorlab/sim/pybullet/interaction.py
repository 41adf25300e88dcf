"""One interaction: the hand turns the handle, then pulls along its arc until the end or a slip."""

from __future__ import annotations

import numpy as np

from doorlab.doors.action import Action
from doorlab.doors.door import Door
from doorlab.doors.urdf import HINGE_JOINT
from doorlab.sim.grip import SLIP_DISTANCE, grip_torque, hand_path, opens_latch
from doorlab.sim.pybullet.engine import pybullet
from doorlab.sim.pybullet.world import TIME_STEP

_LATCH_PLAY = 0.004  # rad: how far a latched door rattles


def try_action(client: int, body: int, door: Door, action: Action) -> tuple[list[float], bool]:
    """The joint position (rad) after each step, from shut and at rest; whether the grip slipped.

    The list ends with the interaction: early when the grip slips.
    """
    set_latch(client, body, door, drawn=opens_latch(door, action))
    pybullet.resetJointState(body, HINGE_JOINT, 0.0, 0.0, physicsClientId=client)
    path = hand_path(action, TIME_STEP)
    radius = door.handle_radius
    handle = (radius, door.side_sign * radius, -door.swing_sign * radius)
    stiffness, torque_control = door.closer_stiffness, pybullet.TORQUE_CONTROL
    # Bound once: this loop is where interactions spend their time.
    read, push, step = (
        pybullet.getJointState,
        pybullet.setJointMotorControl2,
        pybullet.stepSimulation,
    )
    q, q_rate, positions = 0.0, 0.0, []
    for hand, hand_rate in zip(path.positions, path.velocities, strict=True):
        torque, lag = grip_torque(handle, q, q_rate, hand, hand_rate)
        if lag > SLIP_DISTANCE:
            return positions or [q], True
        torque -= stiffness * q
        push(body, HINGE_JOINT, torque_control, force=torque, physicsClientId=client)
        step(physicsClientId=client)
        q, q_rate = read(body, HINGE_JOINT, physicsClientId=client)[:2]
        positions.append(q)
    return positions, False


def set_latch(client: int, body: int, door: Door, *, drawn: bool) -> None:
    """A latch that is not drawn holds the door at its play."""
    pybullet.changeDynamics(
        body,
        HINGE_JOINT,
        jointLowerLimit=0.0,
        jointUpperLimit=door.opening_limit if drawn else _LATCH_PLAY,
        physicsClientId=client,
    )


def reward(door: Door, joint_position: float) -> float:
    """Joint position / opening limit, in [0, 1]."""
    return float(np.clip(joint_position / door.opening_limit, 0.0, 1.0))
