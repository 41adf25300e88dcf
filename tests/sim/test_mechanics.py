"""The hinge against closed-form mechanics, in PyBullet's own steps."""

import dataclasses
import math

import numpy as np
import pytest

from doorlab.doors.urdf import HINGE_JOINT
from doorlab.sim.pybullet.engine import pybullet
from doorlab.sim.pybullet.world import TIME_STEP, World

FREE = {"hinge_friction": 0.0, "hinge_damping": 0.0, "closer_stiffness": 0.0, "opening_limit": 1.8}


@pytest.fixture(scope="module")
def world():
    world = World()
    yield world
    world.close()


def swing(world, door, q, rate, seconds, torque=lambda q: 0.0):
    """Joint positions and velocities of a door let go at q with a given velocity."""
    course = []
    with world.door(door, visuals=False) as body:
        pybullet.resetJointState(body, HINGE_JOINT, q, rate, physicsClientId=world.client)
        for _ in range(round(seconds / TIME_STEP)):
            push = torque(pybullet.getJointState(body, HINGE_JOINT, world.client)[0])
            pybullet.setJointMotorControl2(
                body, HINGE_JOINT, pybullet.TORQUE_CONTROL, force=push, physicsClientId=world.client
            )
            pybullet.stepSimulation(physicsClientId=world.client)
            course.append(pybullet.getJointState(body, HINGE_JOINT, world.client)[:2])
    return np.array(course)


def inertia(door):
    return door.hinge_inertia + door.mass * door.thickness**2 / 4  # the plate lies beside its axis


def test_damping_decays_exponentially(world, doors):
    door = dataclasses.replace(doors[0], **{**FREE, "hinge_damping": 2.0})
    course = swing(world, door, 0.0, 0.8, 1.5)
    times = TIME_STEP * np.arange(1, len(course) + 1)
    expected = 0.8 * np.exp(-2.0 / inertia(door) * times)
    np.testing.assert_allclose(course[:, 1], expected, rtol=0.02)


def test_friction_stops_the_door_after_a_known_angle(world, doors):
    door = dataclasses.replace(doors[0], **{**FREE, "hinge_friction": 3.0})
    course = swing(world, door, 0.1, 0.8, 5.0)
    assert course[-1, 1] == pytest.approx(0.0, abs=1e-9)
    assert course[-1, 0] - 0.1 == pytest.approx(0.5 * inertia(door) * 0.8**2 / 3.0, rel=0.02)


def test_a_spring_without_losses_keeps_its_period_and_gains_no_energy(world, doors):
    door, stiffness = dataclasses.replace(doors[0], **FREE), 8.0
    course = swing(world, door, 0.9, 0.3, 20.0, torque=lambda q: -stiffness * (q - 0.9))
    crossings = np.flatnonzero((course[:-1, 0] < 0.9) & (course[1:, 0] >= 0.9))
    period = np.diff(crossings).mean() * TIME_STEP
    assert period == pytest.approx(2 * math.pi * math.sqrt(inertia(door) / stiffness), rel=0.02)
    energy = 0.5 * inertia(door) * course[:, 1] ** 2 + 0.5 * stiffness * (course[:, 0] - 0.9) ** 2
    assert energy.max() < 1.02 * 0.5 * inertia(door) * 0.3**2


def test_the_stop_holds(world, doors):
    door = dataclasses.replace(doors[0], **{**FREE, "opening_limit": 1.3})
    course = swing(world, door, 1.2, 1.0, 2.0)
    assert course[:, 0].max() < 1.3 + 0.02
