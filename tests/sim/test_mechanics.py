"""Joints of `doorlab.sim.pybullet` against closed-form mechanics, in PyBullet's own steps."""

import dataclasses
import math

import numpy as np
import pytest

from doorlab.sim.pybullet.joint_pool import JointPool
from doorlab.sim.pybullet.simulator import TIME_STEP

FREE = {
    "hinge_friction": 0.0,
    "hinge_damping": 0.0,
    "closer_stiffness": 0.0,
    "stiction": 0.0,
    "opening_limit": 1.8,
}


@pytest.fixture(params=["hinged", "sliding"])
def mechanism(request):
    return request.param


@pytest.fixture
def free(doors, mechanism):
    """Makes doors that nothing holds back."""
    return lambda **fields: dataclasses.replace(
        doors[0], **{**FREE, "mechanism": mechanism, **fields}
    )


def swing(door, q, rate, seconds, force=lambda q: 0.0, time_step=TIME_STEP):
    """Joint positions and velocities of a door let go at q with a given velocity."""
    rack = JointPool(1, slides=door.mechanism == "sliding", time_step=time_step)
    rack.put(0, door, door.opening_limit, door.hinge_friction)
    rack.release(0, q, rate)
    course = []
    for _ in range(round(seconds / time_step)):
        rack.step([force(rack.q[0])], [True])
        course.append((rack.q[0], rack.q_rate[0]))
    rack.close()
    return np.array(course)


def test_joint_inertia_obeys_steiner_theorem(free, mechanism):
    """A uniform plate beside its axis: its own inertia and, by Steiner, its middle's distance."""
    door = free()
    w, t, m = door.width, door.thickness, door.mass
    plate = m * (w**2 + t**2) / 12 + m * ((w / 2) ** 2 + (t / 2) ** 2)
    assert door.joint_inertia == pytest.approx(m if mechanism == "sliding" else plate)


def test_force_accelerates_by_inertia(free):
    door = free()
    course = swing(door, 0.1, 0.0, 1.0, force=lambda q: 5.0)
    assert course[-1, 1] == pytest.approx(5.0 / door.joint_inertia, rel=1e-3)


def test_damping_decays_exponentially(free):
    door = free(hinge_damping=2.0)
    course = swing(door, 0.0, 0.8, 1.5)
    times = TIME_STEP * np.arange(1, len(course) + 1)
    expected = 0.8 * np.exp(-2.0 / door.joint_inertia * times)
    np.testing.assert_allclose(course[:, 1], expected, rtol=0.02)


def test_friction_stops_door_at_known_distance(free):
    door = free()
    door = dataclasses.replace(door, hinge_friction=0.4 * door.joint_inertia)
    course = swing(door, 0.1, 0.8, 8.0)
    assert course[-1, 1] == pytest.approx(0.0, abs=1e-9)
    assert course[-1, 0] - 0.1 == pytest.approx(0.5 * 0.8**2 / 0.4, rel=0.02)


def test_friction_holds_against_smaller_force(free):
    course = swing(free(hinge_friction=3.0), 0.5, 0.0, 2.0, force=lambda q: 2.9)
    np.testing.assert_allclose(course[:, 0], 0.5, atol=1e-4)


def test_spring_without_losses_keeps_period_and_energy(free):
    door, stiffness = free(), 30.0
    course = swing(door, 0.9, 0.3, 20.0, force=lambda q: -stiffness * (q - 0.9))
    crossings = np.flatnonzero((course[:-1, 0] < 0.9) & (course[1:, 0] >= 0.9))
    period = np.diff(crossings).mean() * TIME_STEP
    expected = 2 * math.pi * math.sqrt(door.joint_inertia / stiffness)
    assert period == pytest.approx(expected, rel=0.02)
    # Velocities are those half a step before their positions, as in every leapfrog.
    rate, q = (course[:-1, 1] + course[1:, 1]) / 2, course[:-1, 0]
    energy = 0.5 * door.joint_inertia * rate**2 + 0.5 * stiffness * (q - 0.9) ** 2
    assert energy.max() < 1.02 * 0.5 * door.joint_inertia * 0.3**2


def test_joint_stop_holds(free):
    course = swing(free(opening_limit=1.3), 1.2, 1.0, 2.0)
    assert course[:, 0].max() < 1.3 + 0.02


def test_damping_and_friction_stop_door_at_known_distance(free):
    """I v' = -c v - f: v(t) = (v0 + f / c) exp(-c t / I) - f / c, until it is 0."""
    door, rate, damping = free(opening_limit=3.0), 0.8, 1.5
    friction, inertia = 0.3 * door.joint_inertia, door.joint_inertia
    door = dataclasses.replace(door, hinge_friction=friction, hinge_damping=damping)
    fine = TIME_STEP / 8  # positions lead velocities by half a step, which counts on a short way
    course = swing(door, 0.1, rate, 6.0, time_step=fine)
    share = friction / damping
    way = inertia / damping * (rate - share * math.log(1 + rate / share))
    assert course[-1, 1] == pytest.approx(0.0, abs=1e-9)
    assert course[-1, 0] - 0.1 == pytest.approx(way, rel=0.02)
    times = fine * np.arange(1, len(course) + 1)
    expected = (rate + share) * np.exp(-damping / inertia * times) - share
    moving = expected > 0.02
    np.testing.assert_allclose(course[moving, 1], expected[moving], atol=0.02 * rate)
