import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from doorlab.doors import Action, get_prior, oracle_action
from doorlab.doors.action import SLIDES_FROM, checked_actions
from doorlab.errors import ConfigError
from doorlab.seeding import stream

BOX = arrays(np.float32, 4, elements=st.floats(-1, 1, width=32))


@given(BOX)
def test_action_normalization_is_invertible(a):
    action = Action.from_normalized(a)
    back = action.to_normalized()
    # phi = 1 and phi = -1 are the same direction
    np.testing.assert_allclose(np.cos(math.pi * back[0]), np.cos(math.pi * a[0]), atol=1e-5)
    np.testing.assert_allclose(back[2:], a[2:], atol=1e-5)
    assert action.slides == (a[1] >= SLIDES_FROM) == (back[1] >= SLIDES_FROM)
    if not action.slides:  # all slides have one radius
        np.testing.assert_allclose(back[1], a[1], atol=2e-5)


@pytest.mark.parametrize(
    ("actions", "shape", "message"),
    [
        ([0.0] * 3, (), "an action of 4 numbers in .*, but got an array of shape \\(3,\\)"),
        (
            [3.14, 0.8, 1.5, 0.7],
            (),
            "got an array that contains 3.14. Scale it. An action in rad and m is",
        ),
        ([np.nan] * 4, (), "contains nan"),
        (["0"] * 4, (), "got an array of <U1. Pass real numbers"),
        ([True] * 4, (), "got an array of bool"),
        (None, (), "got an array of object"),
        (
            [[0.0] * 4, [0.0]],
            (2,),
            "2 actions of 4 numbers .* each, but got rows of different lengths",
        ),
        (np.zeros((2, 4)), (3,), "3 actions of 4 numbers"),
        (np.zeros((2, 5)), ("N",), "actions of 4 numbers in .* each, but got an array of shape"),
        (np.zeros((1, 3, 4)), (2, "tries"), r"actions of shape \(2, tries, 4\) with numbers in"),
    ],
)
def test_checked_actions_rejects_invalid_arrays(actions, shape, message):
    with pytest.raises(ConfigError, match=message):
        checked_actions(actions, shape)


def test_checked_actions_clips_rounding_errors():
    just = np.array([1.0 + 1e-6, -1.0 - 1e-6, 0.3, 0.0])
    np.testing.assert_array_equal(checked_actions(just, ()), [1.0, -1.0, 0.3, 0.0])


def test_oracle_action_names_true_hinge():
    prior = get_prior("default")
    for i in range(50):
        door = prior.sample(stream(0, i))
        action = Action.from_normalized(oracle_action(door))
        axis_x = (-door.side_sign * door.handle_radius) + action.radius * math.cos(action.phi)
        assert abs(axis_x) < 1e-4  # the supposed axis, seen from the true one
        assert action.swing * door.swing_sign > door.opening_limit
        assert action.turn * door.latch_direction >= door.latch_angle


def test_oracle_action_slides_sliding_doors():
    prior = dataclasses.replace(get_prior("default"), sliding_probability=1.0)
    for i in range(20):
        door = prior.sample(stream(0, i))
        action = Action.from_normalized(oracle_action(door))
        assert action.slides
        assert math.cos(action.phi) * action.swing * door.side_sign > door.opening_limit
