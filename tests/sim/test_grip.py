import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorlab.doors import Action, oracle_action
from doorlab.sim.grip import MAX_FORCE, SWING_SECONDS, grip_torque, hand_path, opens_latch

ANGLE = st.floats(-math.pi, math.pi)


@given(ANGLE, st.floats(0.2, 1.3), st.floats(-2, 2))
def test_the_hand_stays_on_its_circle_and_ends_after_its_swing(phi, radius, swing):
    path = np.array(hand_path(Action(phi, radius, swing, 0.0), 1 / 60).positions)
    axis = radius * np.array([math.cos(phi), 0.0, math.sin(phi)])
    np.testing.assert_allclose(np.linalg.norm(path - axis, axis=1), radius, rtol=1e-9)
    end = path[-1] - axis
    np.testing.assert_allclose(end @ -axis, radius**2 * math.cos(swing), atol=1e-9)
    assert end[1] == pytest.approx(-radius * math.sin(swing), abs=1e-9)


def test_velocities_are_the_derivative_of_positions():
    path = hand_path(Action(0.4, 0.8, 1.5, 0.0), 1e-3)
    positions, velocities = np.array(path.positions), np.array(path.velocities)
    numeric = (positions[2:] - positions[:-2]) / 2e-3
    np.testing.assert_allclose(velocities[1:-1], numeric, atol=1e-4)
    assert len(positions) == round(SWING_SECONDS / 1e-3)


@given(st.floats(0, 1.5), st.floats(-2, 2), *[st.floats(-1, 1)] * 6)
def test_torque_is_force_times_lever_and_force_is_limited(q, rate, x, y, z, u, v, w):
    radius = 0.8
    torque, lag = grip_torque((radius, radius, -radius), q, rate, [x, y, z], [u, v, w])
    assert abs(torque) <= MAX_FORCE * radius * (1 + 1e-9)
    handle = np.array([radius * (1 - math.cos(q)), -radius * math.sin(q), 0.0])
    assert lag == pytest.approx(float(np.linalg.norm(np.array([x, y, z]) - handle)), abs=1e-12)


def test_the_hand_of_the_oracle_is_where_its_handle_is(doors):
    for door in doors[:20]:
        action = Action.from_normalised(oracle_action(door))
        hand = np.array(hand_path(action, 1 / 60).positions)
        s, w, radius = door.side_sign, door.swing_sign, door.handle_radius
        q = np.arcsin(np.clip(-w * hand[:40, 1] / radius, -1, 1))
        np.testing.assert_allclose(hand[:40, 0], s * radius * (1 - np.cos(q)), atol=1e-4)


def test_latches_need_enough_turn_in_the_right_direction(doors):
    door = dataclasses.replace(doors[0], latch_turn=0.5, latch_direction=-1)
    assert opens_latch(door, Action(0.0, 1.0, 1.0, -0.5))
    assert not opens_latch(door, Action(0.0, 1.0, 1.0, -0.49))
    assert not opens_latch(door, Action(0.0, 1.0, 1.0, 0.9))
    assert opens_latch(dataclasses.replace(door, latch_turn=0.0), Action(0.0, 1.0, 1.0, 0.9))
