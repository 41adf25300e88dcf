"""Interactions of `doorlab.sim.pybullet` against closed forms: period, moments at rest, energy."""

import dataclasses
import math

import numpy as np
import pytest

from doorlab.doors import Action, oracle_action
from doorlab.sim.grip import DAMPING, MAX_FORCE, STICKING_REACH, STIFFNESS
from doorlab.sim.pybullet import interaction
from doorlab.sim.pybullet.interaction import InteractionBatch
from doorlab.sim.pybullet.joint_pool import JointPool
from doorlab.sim.pybullet.simulator import TIME_STEP, PyBulletSimulator


def perfect(door, swing=None):
    """The oracle's action; with a swing of its own, opening the door by so much."""
    best = Action.from_normalized(oracle_action(door))
    sign = door.swing_sign if door.mechanism == "hinged" else 1.0
    return best if swing is None else dataclasses.replace(best, swing=sign * swing)


@pytest.mark.parametrize("mechanism", ["hinged", "sliding"])
def test_closer_shuts_in_quarter_of_its_period(doors, monkeypatch, mechanism):
    """Released at rest, without a hand: q = q0 cos(sqrt(k / I) t), until it is shut."""
    door = dataclasses.replace(
        doors[0],
        mechanism=mechanism,
        opening_limit=1.1,
        hinge_friction=0.0,
        hinge_damping=0.0,
        stiction=0.0,
        latch_angle=0.0,
    )
    door = dataclasses.replace(door, closer_stiffness=door.joint_inertia)  # a quarter: pi / 2 s
    put = JointPool.put

    def put_open(rack, lane, *args):
        put(rack, lane, *args)
        rack.release(lane, 1.0, 0.0)

    monkeypatch.setattr(JointPool, "put", put_open)
    monkeypatch.setattr(interaction, "grip_force", lambda handles, q, *_: (0.0 * q, 0.0 * q))
    rack = JointPool(1, slides=mechanism == "sliding", time_step=TIME_STEP)
    trials = InteractionBatch([door], [perfect(door)], TIME_STEP, True)
    trials.run(rack)
    rack.close()
    times = TIME_STEP * np.arange(1, trials.courses.shape[1] + 1)
    expected = np.where(times < math.pi / 2, np.cos(times), 0.0)
    np.testing.assert_allclose(trials.courses[0], expected, atol=0.02)


@pytest.mark.parametrize("lead", [0.02, 0.04])
def test_grip_and_closer_moments_balance(simulator, doors, lead):
    """Below the limit of its force the grip is a spring: k q = K R^2 sin(swing - q) at rest."""
    door, angle = dataclasses.replace(doors[0], latch_angle=0.0, hinge_friction=0.0), 0.8
    radius = door.handle_radius
    moment = STIFFNESS * radius**2 * math.sin(lead / radius)
    door = dataclasses.replace(
        door, stiction=0.0, hinge_damping=10.0, closer_stiffness=moment / angle
    )
    action = perfect(door, angle + lead / radius).to_normalized()
    outcome = simulator.interact([door], action[None, None])
    assert not outcome.slipped[0, 0]
    assert outcome.joint_positions[0, 0] == pytest.approx(angle, rel=0.02)


def energies(door, action, course, time_step):
    """J: what the hand put in, what it took out, what is kept at the end and what was lost.

    Positions after every step give the velocities exactly: PyBullet moves by velocity times step.
    A force that changes a velocity within a step works along the mean of both.
    """
    q = np.concatenate([[0.0], course])
    rate = np.diff(q) / time_step
    before = np.concatenate([[0.0], rate[:-1]])
    mean = (before + rate) / 2
    force = hand_force(door, action, q[:-1] + before * time_step / 2, before, time_step)
    work = force * mean * time_step
    kept = door.joint_inertia * rate[-1] ** 2 / 2 + door.closer_stiffness * q[-1] ** 2 / 2
    friction = door.hinge_friction + door.stiction * (q[:-1] <= STICKING_REACH)
    lost = np.sum(friction * np.abs(mean) + door.hinge_damping * mean**2) * time_step
    return work[work > 0].sum(), -work[work < 0].sum(), kept, lost


def hand_force(door, action, q, rate, time_step):
    """Along the joint, by the equations of `doorlab.sim.grip`, for a hand that knows the door.

    Such a hand is where the handle would be at `angle`, so the lag is a chord of the handle's way.
    """
    s = (np.arange(len(q)) + 0.5) / len(q)
    angle = abs(action.swing) * (10 * s**3 - 15 * s**4 + 6 * s**5)
    angle_rate = np.gradient(angle, time_step)
    if door.mechanism == "sliding":
        return np.clip(
            STIFFNESS * (angle - q) + DAMPING * (angle_rate - rate), -MAX_FORCE, MAX_FORCE
        )
    radius = door.handle_radius

    def along(a):
        return radius * np.stack([1 - np.cos(a), np.sin(a)])

    def slope(a):
        return radius * np.stack([np.sin(a), np.cos(a)])

    force = STIFFNESS * (along(angle) - along(q))
    force += DAMPING * (slope(angle) * angle_rate - slope(q) * rate)
    force *= MAX_FORCE / np.maximum(np.linalg.norm(force, axis=0), MAX_FORCE)
    return np.sum(force * slope(q), axis=0)


@pytest.mark.parametrize("mechanism", ["hinged", "sliding"])
@pytest.mark.parametrize("time_step", [TIME_STEP, 1 / 480])
def test_work_of_hand_is_stored_and_dissipated_energy(doors, mechanism, time_step):
    simulator = PyBulletSimulator(time_step)
    some = [dataclasses.replace(d, mechanism=mechanism, opening_limit=1.1) for d in doors[:60]]
    swings = [perfect(door, 0.9) for door in some]
    actions = np.stack([a.to_normalized() for a in swings])[:, None]
    seen = simulator.interact(some, actions, record=True)
    simulator.close()
    assert not seen.slipped.any()
    for door, action, course in zip(some, swings, seen.trajectories[:, 0], strict=True):
        put, taken, kept, lost = energies(door, action, course.astype(float), time_step)
        assert kept + lost == pytest.approx(put - taken, abs=0.02 * put)
