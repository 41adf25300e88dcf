"""Properties of any prior, door and action, of several modules, by Hypothesis."""

import dataclasses
import math

import numpy as np
import pytest
from helpers.strategies import BOUNDS, CHOICES, PROBABILITIES, SEEDS, knobs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from doorlab.doors import Action, DoorPrior, View, door_from_arrays, doors_to_arrays
from doorlab.doors.prior import DEFAULT_APPEARANCE
from doorlab.errors import ConfigError
from doorlab.seeding import stream

SAME_NAME = (
    *("width", "height", "thickness", "place", "handle_height", "backset", "handle_length"),
    *("mass", "hinge_friction", "hinge_damping"),
)
# Field of the door -> how likely it is that it is 0.
MAY_BE_NONE = {
    "latch_angle": "latch_probability",
    "stiction": "sticking_probability",
    "closer_stiffness": "closer_probability",
}

CAMERA = ("randomize_appearance", "camera_jitter", "camera_motion")


def within(value, bounds):
    # rng.uniform rounds: it may miss its ends by one unit in the last place
    return np.nextafter(bounds[0], -np.inf) <= value <= np.nextafter(bounds[1], np.inf)


def nearly_within(value, bounds):
    # a weighted mean of two poses rounds twice more
    return bounds[0] - 1e-9 <= value <= bounds[1] + 1e-9


def test_prior_strategy_covers_every_parameter():
    turned = {*PROBABILITIES, *BOUNDS, *CHOICES, *CAMERA}
    assert turned == {field.name for field in dataclasses.fields(DoorPrior)}


@settings(deadline=None)
@given(knobs(), SEEDS)
def test_doors_lie_in_ranges_of_prior(turned, seed):
    prior = DoorPrior(**turned)
    door = prior.sample(stream(seed))
    for name in SAME_NAME:
        assert within(getattr(door, name), getattr(prior, name)), name
    for name, probability in MAY_BE_NONE.items():
        value, likely = getattr(door, name), getattr(prior, probability)
        if name == "latch_angle" and door.handle_type == "bar":
            likely = 0.0  # a bar never works a latch
        assert (value == 0.0 and likely < 1.0) or within(value, getattr(prior, name)), name
        assert value == 0.0 or likely > 0.0, name
    if door.mechanism == "sliding":
        assert prior.sliding_probability > 0.0
        assert within(
            door.opening_limit / door.width, np.multiply(prior.sliding_limit, [1 - 1e-9, 1 + 1e-9])
        )
    else:
        assert prior.sliding_probability < 1.0
        assert within(door.opening_limit, prior.opening_limit)
    assert door.handle_type in prior.handle_types
    assert door.latch_direction in (-1, 1)


@settings(deadline=None)
@given(knobs(), SEEDS)
def test_appearances_lie_in_ranges_of_prior(turned, seed):
    prior = DoorPrior(**turned)
    look = prior.sample(stream(seed)).appearance
    if not prior.randomize_appearance:
        assert look == DEFAULT_APPEARANCE
        return
    assert look.panel_style in prior.panel_styles
    for place in ("panel", "wall", "floor"):
        assert getattr(look, f"{place}_texture") in getattr(prior, f"{place}_textures")
    for part in ("panel", "frame", "wall"):
        assert all(within(v, prior.brightness) for v in getattr(look, f"{part}_color"))
    for part in ("handle", "floor", "room"):
        assert all(0.0 <= v <= 1.0 for v in getattr(look, f"{part}_color"))
    assert math.isclose(math.hypot(*look.light_direction), 1.0)
    assert within(look.light_strength, prior.light_strength)


@settings(deadline=None)
@given(knobs(), SEEDS)
def test_cameras_lie_in_ranges_of_prior(turned, seed):
    prior = DoorPrior(**turned)
    door = prior.sample(stream(seed))
    for view in prior.sample_views(stream(seed, "view"), door, 3):
        assert nearly_within(-view.eye[1], prior.camera_distance)
        assert nearly_within(view.eye[2], prior.camera_height)
        assert nearly_within(view.field_of_view, prior.field_of_view)
        for x in (view.eye[0], view.target[0]):
            assert abs(x + door.place) <= prior.camera_jitter + 1e-9
        assert View.from_array(view.to_array()) == view


@settings(deadline=None)
@given(knobs(), st.lists(SEEDS, min_size=1, max_size=4))
def test_door_arrays_round_trip_any_door(turned, seeds):
    prior = DoorPrior(**turned)
    doors = [prior.sample(stream(seed)) for seed in seeds]
    columns = doors_to_arrays(doors)
    assert [door_from_arrays(columns, i) for i in range(len(doors))] == doors


@given(arrays(np.float64, 4, elements=st.floats(-5, 5)))
def test_action_rejects_values_outside_box(a):
    if (np.abs(a) <= 1.0).all():
        assert (np.abs(Action.from_normalized(a).to_normalized()) <= 1.0).all()
    elif np.abs(a).max() > 1.001:
        with pytest.raises(ConfigError, match=r"4 numbers in \[-1, 1\]"):
            Action.from_normalized(a)
