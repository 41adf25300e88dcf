"""What no simulator can build is refused when it is made, and NumPy's numbers become plain ones."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from helpers.remaking import remade

from doorlab.doors import (
    Action,
    Door,
    View,
    door_from_arrays,
    door_urdf,
    doors_to_arrays,
    get_prior,
    oracle_action,
)
from doorlab.errors import ConfigError, DatasetError
from doorlab.seeding import stream

DOOR = get_prior("default").sample(stream(0, "door"))
VIEW = View((0.0, -3.0, 1.05), (0.0, 0.0, 1.05), 0.86)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "swing",
            "Pull",
            "a swing of a door out of pull, push, but got 'Pull'. Did you mean 'pull'",
        ),
        ("hinge_side", "center", "out of left, right, but got 'center'"),
        ("handle_type", "ring", "out of bar, knob, lever, but got 'ring'"),
        ("mechanism", None, "out of hinged, sliding, but got None"),
        (
            "width",
            -1.0,
            "width of a door to be a number from 1e-06 to 5.86 m, but got -1.0. Correct width",
        ),
        ("width", 0.01, "backset of a door to be below its width of 0.01 m"),
        ("width", "0.8", "width of a door to be a number, but got '0.8'"),
        ("width", int(1e300), "width of a door to be a number from .*, but got 1e"),
        ("height", 4.5, "height of a door to be a number from 1e-06 to 3.93 m, but got 4.5"),
        ("mass", 0, "mass of a door to be a number from .* kg, but got 0"),
        ("mass", math.nan, "mass of a door to be a number from .*, but got nan"),
        ("opening_limit", 0.0, "opening_limit of a door to be a number from"),
        (
            "opening_limit",
            90.0,
            "at most pi, where the wall stops it, but got 90.0. Pass it in radians",
        ),
        ("hinge_friction", -0.1, "hinge_friction of a door to be a number from 0"),
        ("handle_height", 3.0, "handle_height of a door to be below its height"),
        ("latch_direction", 0, "1 .clockwise. or -1, but got 0"),
        ("locked", "no", "locked of a door to be True or False, but got 'no'"),
        ("appearance", None, "appearance of a door to be an Appearance, but got None"),
    ],
)
def test_door_rejects_invalid_values(field, value, message):
    with pytest.raises(ConfigError, match=message):
        remade(DOOR, **{field: value})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("panel_texture", "oak", "a panel_texture of a door's appearance out of brick, .*'oak'"),
        ("panel_style", "Glazed", "Did you mean 'glazed'"),
        ("wall_color", (0.1, 0.2), "wall_color of a door's appearance to be 3 numbers"),
        (
            "wall_color",
            (128, 0, 0),
            "wall_color of a door's appearance to be a number from 0 to 1, but got 128",
        ),
        ("wall_color", (0.1, 0.2, math.nan), "got nan"),
        ("light_direction", (0.0, 0.0, 0.0), "to have the length 1, but got 0"),
        ("light_strength", 1.5, "light_strength of a door's appearance to be a number from 0 to 1"),
    ],
)
def test_appearance_rejects_invalid_values(field, value, message):
    with pytest.raises(ConfigError, match=message):
        remade(DOOR.appearance, **{field: value})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ((0.0, -3.0, 1.0), (0.0, 0.0, 1.0), 0.0),
            "field_of_view of a view to be a number from .* rad",
        ),
        (((0.0, -3.0, 1.0), (0.0, 0.0, 1.0), 43.0), "field_of_view of a view .*, but got 43.0"),
        (
            ((0.0, math.nan, 1.0), (0.0, 0.0, 1.0), 0.8),
            "eye of a view to be a number from .*, but got nan",
        ),
        (((0.0, 0.0, 3.0), (0.0, 0.0, 1.0), 0.8), "not straight above or below"),
        (((0.0, 0.0), (0.0, 0.0, 1.0), 0.8), "eye of a view to be 3 numbers"),
    ],
)
def test_view_rejects_invalid_values(values, message):
    with pytest.raises(ConfigError, match=message):
        remade(VIEW, eye=values[0], target=values[1], field_of_view=values[2])
    if len(values[0]) == 3:
        with pytest.raises(ConfigError, match=message):
            View.from_array(np.array([*values[0], *values[1], values[2]]))


def test_view_from_array_rejects_other_than_seven_numbers():
    with pytest.raises(ConfigError, match="7 numbers of a view"):
        View.from_array(VIEW.to_array()[:6])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phi": math.nan}, "phi of an action to be a number from .* rad, but got nan"),
        ({"swing": math.inf}, "swing of an action"),
        ({"radius": 0.0}, "radius of an action"),
        ({"radius": math.nan}, "radius of an action"),
        ({"turn": "left"}, "turn of an action to be a number, but got 'left'"),
    ],
)
def test_action_rejects_invalid_values(change, message):
    with pytest.raises(ConfigError, match=message):
        remade(Action(0.1, 0.8, 1.0, 0.0), **change)


def test_door_converts_numpy_numbers_to_plain_ones():
    numbers = {"width": np.float32(0.75), "mass": np.float64(20.0), "height": 2}
    look = remade(DOOR.appearance, wall_color=np.array([0.5, 0.25, 1.0]), floor_color=[0, 0, 1])
    door = remade(
        DOOR, **numbers, locked=np.bool_(False), latch_direction=np.int8(1), appearance=look
    )
    plain = {"width": 0.75, "mass": 20.0, "height": 2.0, "locked": False, "latch_direction": 1}
    look = replace(look, wall_color=(0.5, 0.25, 1.0), floor_color=(0.0, 0.0, 1.0))
    assert door == remade(DOOR, **plain, appearance=look)
    assert hash(door) == hash(remade(DOOR, **plain, appearance=look))
    assert "np." not in door_urdf(door)
    assert type(remade(VIEW, field_of_view=np.float32(0.5)).field_of_view) is float


def test_door_is_unchanged_by_checks():
    """No check changes a number, however often a door is copied."""
    assert replace(DOOR) == DOOR == pickle.loads(pickle.dumps(DOOR))
    assert all(type(value) is not np.float64 for value in vars(DOOR).values())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("width", -1.0, "width of a door to be a number from"),
        ("mass", np.nan, "got nan"),
        ("swing", 2, "swing of door 1 as a number below 2, but got 2"),
        ("appearance.panel_texture", 99, "appearance.panel_texture of door 1 .*, but got 99"),
    ],
)
def test_door_from_arrays_names_door_of_damaged_column(name, value, message):
    columns = doors_to_arrays([DOOR, DOOR])
    columns[name] = columns[name].copy()
    columns[name][1] = value
    assert door_from_arrays(columns, 0) == DOOR
    with pytest.raises(DatasetError, match=message) as caught:
        door_from_arrays(columns, 1)
    assert "door 1" in str(caught.value)


def test_oracle_action_exists_for_extreme_door():
    door = replace(DOOR, opening_limit=3.1, latch_angle=3.0, backset=0.001)
    assert isinstance(door, Door)
    assert (np.abs(oracle_action(door)) <= 1.0).all()
