import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorlab.doors import Action, oracle_action
from doorlab.sim.grip import MAX_FORCE, SWING_SECONDS, Handles, grip_force, hand_paths, opens_latch

ANGLE = st.floats(-math.pi, math.pi)


def path(action, time_step):
    positions, velocities = hand_paths([action], time_step)
    return positions[0], velocities[0]


@given(ANGLE, st.floats(0.2, 1.3), st.floats(-2, 2))
def test_hand_path_follows_circle_and_ends_after_swing(phi, radius, swing):
    positions, _ = path(Action(phi, radius, swing, 0.0), 1e-3)
    axis = radius * np.array([math.cos(phi), 0.0, math.sin(phi)])
    np.testing.assert_allclose(np.linalg.norm(positions - axis, axis=1), radius, rtol=1e-9)
    end = positions[-1] - axis
    np.testing.assert_allclose(end @ -axis, radius**2 * math.cos(swing), atol=1e-6)
    assert end[1] == pytest.approx(-radius * math.sin(swing), abs=1e-6)


@given(ANGLE, st.floats(-1.2, 1.2))
def test_hand_path_of_slide_is_straight(phi, way):
    positions, _ = path(Action(phi, math.inf, way, 0.0), 1e-3)
    along = np.array([math.cos(phi), 0.0, math.sin(phi)])
    np.testing.assert_allclose(positions, np.outer(positions @ along, along), atol=1e-12)
    assert positions[-1] @ along == pytest.approx(way, abs=1e-6)


@pytest.mark.parametrize("radius", [0.8, math.inf])
def test_hand_velocities_are_derivatives_of_positions(radius):
    positions, velocities = path(Action(0.4, radius, 1.1, 0.0), 1e-3)
    numeric = (positions[2:] - positions[:-2]) / 2e-3
    np.testing.assert_allclose(velocities[1:-1], numeric, atol=1e-4)
    assert len(positions) == round(SWING_SECONDS / 1e-3)


@given(st.booleans(), st.floats(0, 1.5), st.floats(-2, 2), *[st.floats(-1, 1)] * 6)
def test_grip_force_is_limited_force_times_lever(slides, q, rate, x, y, z, u, v, w):
    radius = 0.8
    lever = 1.0 if slides else radius
    handles = Handles(slides, np.array([lever]), np.array([-lever]))
    columns = np.array([[x], [y], [z]]), np.array([[u], [v], [w]])
    force, lag = grip_force(handles, np.array([q]), np.array([rate]), *columns)
    assert abs(force[0]) <= MAX_FORCE * lever * (1 + 1e-9)
    way = (q, 0.0) if slides else (radius * (1 - math.cos(q)), -radius * math.sin(q))
    expected = np.linalg.norm(np.array([x, y, z]) - [*way, 0.0])
    assert lag[0] == pytest.approx(float(expected), abs=1e-12)


def test_handle_slopes_are_derivatives_of_positions(doors):
    hinged = doors[:20]
    sliding = [dataclasses.replace(d, mechanism="sliding") for d in hinged]
    for some in (hinged, sliding):
        handles, q = Handles.of(some), np.linspace(0.0, 1.5, 20)
        x, y, x_slope, y_slope = handles.at(q)
        further = handles.at(q + 1e-6)
        np.testing.assert_allclose((further[0] - x) / 1e-6, x_slope, atol=1e-5)
        np.testing.assert_allclose((further[1] - y) / 1e-6, y_slope, atol=1e-5)


def test_oracle_hand_path_follows_handle(doors):
    for door in doors[:20]:
        hand, _ = path(Action.from_normalized(oracle_action(door)), 1 / 60)
        w, radius = door.swing_sign, door.handle_radius
        q = np.arcsin(np.clip(-w * hand[:40, 1] / radius, -1, 1))
        x, y, _, _ = Handles.of([door] * 40).at(q)
        np.testing.assert_allclose(hand[:40, :2], np.stack([x, y], axis=1), atol=1e-4)


def test_opens_latch_needs_enough_turn_in_right_direction(doors):
    door = dataclasses.replace(doors[0], latch_angle=0.5, latch_direction=-1)
    assert opens_latch(door, Action(0.0, 1.0, 1.0, -0.5))
    assert not opens_latch(door, Action(0.0, 1.0, 1.0, -0.49))
    assert not opens_latch(door, Action(0.0, 1.0, 1.0, 0.9))
    assert opens_latch(dataclasses.replace(door, latch_angle=0.0), Action(0.0, 1.0, 1.0, 0.9))


def test_opens_latch_is_false_for_locked_door(doors):
    door = dataclasses.replace(doors[0], latch_angle=0.0, locked=True)
    assert not opens_latch(door, Action(0.0, 1.0, 1.0, 0.9))
