import dataclasses

import numpy as np
import pytest

from doorlab.doors import DoorPrior, doors_to_arrays, get_prior
from doorlab.doors.door import CATEGORIES, FIELDS
from doorlab.errors import ConfigError
from doorlab.seeding import stream

N = 400


@pytest.fixture(scope="module")
def columns():
    prior = get_prior("default")
    return doors_to_arrays([prior.sample(stream(0, "door", i)) for i in range(N)])


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_varies(columns, name):
    values = columns[name].reshape(N, -1)
    if name in CATEGORIES:
        counts = np.bincount(values[:, 0], minlength=len(CATEGORIES[name]))
        assert (counts > 0.2 * N).all()
    else:
        assert (values.std(axis=0) > 0).all()


@pytest.mark.parametrize(
    "name", ["width", "height", "thickness", "place", "opening_limit", "handle_height", "mass"]
)
def test_ranges_are_filled_and_kept(columns, name):
    low, high = getattr(DoorPrior(), name)
    values = columns[name]
    assert low <= values.min() < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < values.max() <= high


def test_bars_have_no_latch_and_probabilities_hold(columns):
    bar = columns["handle_type"] == CATEGORIES["handle_type"].index("bar")
    latched = columns["latch_turn"] > 0
    assert not latched[bar].any()
    assert latched[~bar].mean() == pytest.approx(0.75, abs=0.08)
    assert (columns["closer_stiffness"] > 0).mean() == pytest.approx(0.5, abs=0.08)


def test_narrow_has_one_look():
    prior = get_prior("narrow")
    looks = {prior.sample(stream(0, i)).appearance for i in range(20)}
    assert len(looks) == 1


def test_a_knob_does_not_shift_the_others():
    a = get_prior("default").sample(stream(0, 1))
    b = dataclasses.replace(get_prior("default"), closer_probability=1.0).sample(stream(0, 1))
    assert dataclasses.replace(b, closer_stiffness=a.closer_stiffness) == a


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"width": (1.0, 0.9)}, "swap the two"),
        ({"pull_probability": 1.5}, r"in \[0, 1\]"),
        ({"width": (1.0, 2.0)}, "within"),
        ({"opening_limit": (1.0, 3.0)}, "opening_limit < 2.0"),
    ],
)
def test_impossible_priors_are_refused(knobs, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(DoorPrior(), **knobs)


def test_unknown_prior():
    with pytest.raises(ConfigError, match="did you mean 'narrow'"):
        get_prior("narow")
