"""Doors sampled in a batch against doors sampled one by one."""

import dataclasses
from typing import get_args

import numpy as np
import pytest
from scipy import stats

from doorlab.doors import DoorPrior, door_from_arrays, doors_to_arrays, get_prior
from doorlab.doors.batched_sampling import (
    DOOR_NUMBERS,
    VIEW_NUMBERS,
    sample_doors_batched,
    sample_view_columns,
)
from doorlab.doors.door import CATEGORIES, FIELDS, Texture
from doorlab.seeding import stream

ONE_BY_ONE, AT_ONCE = 400, 20_000
LEAST_P = 1e-4  # over some 300 comparisons with fixed seeds
PRIORS = {
    "narrow": get_prior("narrow"),
    "default": get_prior("default"),
    "wild": get_prior("wild"),
    # Every probability away from 0, 1/2 and 1, so that none can be taken for its complement.
    "rich": dataclasses.replace(
        DoorPrior(),
        sliding_probability=0.3,
        hinge_right_probability=0.2,
        pull_probability=0.7,
        locked_probability=0.4,
        closer_probability=0.8,
        panel_textures=get_args(Texture)[:5],
        wall_textures=get_args(Texture)[3:],
        floor_textures=("marble", "plain"),
        handle_types=("bar", "lever"),
    ),
}


@pytest.fixture(scope="module", params=PRIORS)
def pair(request):
    """Doors of a prior, one by one and at once."""
    prior, rng = PRIORS[request.param], stream(0, "doors")
    one_by_one = doors_to_arrays([prior.sample(rng) for _ in range(ONE_BY_ONE)])
    return one_by_one, sample_doors_batched(
        prior, stream(1, "doors").random((AT_ONCE, DOOR_NUMBERS))
    )


def assert_same_distribution(a, b, name):
    if name in CATEGORIES or a.dtype == bool:
        values = np.union1d(a, b)
        table = np.array([[(column == value).sum() for value in values] for column in (a, b)])
        p = stats.chi2_contingency(table).pvalue if len(values) > 1 else 1.0
    else:
        assert a.min() == pytest.approx(b.min(), abs=0.15 * np.ptp(a) + 1e-12), name
        assert a.max() == pytest.approx(b.max(), abs=0.15 * np.ptp(a) + 1e-12), name
        p = stats.ks_2samp(a, b).pvalue
    assert p > LEAST_P, (name, p)


def test_batched_sampling_matches_distribution_of_every_field(pair):
    expected, got = pair
    assert set(got) == set(FIELDS)
    for name in FIELDS:
        a, b = expected[name], got[name]
        assert (a.dtype, a.shape[1:]) == (b.dtype, b.shape[1:])
        flat = (column.reshape(len(column), -1).T for column in (a, b))
        for one, other in zip(*flat, strict=True):
            assert_same_distribution(one, other, name)


def numbers(columns):
    """(D, K): every number, and every category as a number."""
    found = [np.asarray(columns[name], float) for name in FIELDS]
    return np.concatenate([column.reshape(len(column), -1) for column in found], axis=1)


def test_batched_sampling_matches_dependence_between_fields(pair):
    """Rank correlations of all pairs of fields, such as latch and handle or texture and color."""
    a, b = (stats.rankdata(numbers(columns), axis=0) for columns in pair)
    stratified_sample = (a.std(axis=0) > 0) & (b.std(axis=0) > 0)
    assert ((a.std(axis=0) > 0) == (b.std(axis=0) > 0)).all()
    difference = np.corrcoef(a[:, stratified_sample].T) - np.corrcoef(b[:, stratified_sample].T)
    assert np.abs(difference).max() < 5.5 / np.sqrt(ONE_BY_ONE)  # of some 1,000 pairs


def test_batched_sampling_makes_valid_and_independent_doors():
    prior, numbers = PRIORS["rich"], stream(2, "doors").random((50, DOOR_NUMBERS))
    columns = sample_doors_batched(prior, numbers)
    doors = [door_from_arrays(columns, i) for i in range(50)]
    tail = sample_doors_batched(prior, numbers[30:])
    assert [door_from_arrays(tail, i) for i in range(20)] == doors[30:]
    for door in doors:
        assert np.linalg.norm(door.appearance.light_direction) == pytest.approx(1.0)
        assert door.handle_type != "bar" or door.latch_angle == 0.0


def test_batched_sampling_uses_every_number():
    """Each of the numbers changes something when it goes from one end to the other."""
    usual = np.full((1, DOOR_NUMBERS), 0.1)  # everything that may happen does
    rich = dataclasses.replace(PRIORS["rich"], handle_types=("lever", "knob"))
    priors = rich, dataclasses.replace(rich, sliding_probability=0.0)

    def door(n, value, prior):
        numbers = usual.copy()
        numbers[0, n] = value
        return door_from_arrays(sample_doors_batched(prior, numbers), 0)

    for n in range(DOOR_NUMBERS):
        assert any(door(n, 0.0, p) != door(n, 1.0 - 1e-9, p) for p in priors), n
    with pytest.raises(StopIteration):
        sample_doors_batched(rich, usual[:, :-1])


@pytest.mark.parametrize("name", ["default", "wild"])
def test_sample_view_columns_matches_distribution_of_prior(name):
    prior = PRIORS[name]
    rng = stream(3, "views")
    columns = sample_doors_batched(prior, rng.random((ONE_BY_ONE, DOOR_NUMBERS)))
    doors = [door_from_arrays(columns, i) for i in range(ONE_BY_ONE)]
    expected = np.stack([prior.sample_view(rng, door).to_array() for door in doors])
    place = columns["place"]
    uniform = stream(4, "views").random((len(doors), 2, VIEW_NUMBERS))
    got = sample_view_columns(prior, place, uniform)
    assert got.shape == (len(doors), 2, 7)
    for view in range(2):
        for column in range(7):
            # Less the place, which both share: then one tells whether the jitter is right.
            less = -place if column in (0, 3) else 0.0
            assert_same_distribution(
                expected[:, column] - less, got[:, view, column] - less, f"{column}"
            )
    assert np.ptp(got[:, 0] - got[:, 1]) > 0.01


@pytest.mark.parametrize("motion", [0.0, 0.3, 1.0])
def test_sample_view_columns_matches_camera_motion_of_prior(motion):
    prior = dataclasses.replace(DoorPrior(), camera_motion=motion)
    rng = stream(5, "views")
    columns = sample_doors_batched(prior, rng.random((2000, DOOR_NUMBERS)))
    doors = [door_from_arrays(columns, i) for i in range(ONE_BY_ONE)]
    expected = np.array([[v.to_array() for v in prior.sample_views(rng, d, 3)] for d in doors])
    got = sample_view_columns(prior, columns["place"], rng.random((2000, 3, VIEW_NUMBERS)))
    for column in (0, 1, 2, 3, 5, 6):
        moves = [np.diff(poses[..., column], axis=1) for poses in (expected, got)]
        for step in range(2):
            assert_same_distribution(moves[0][:, step], moves[1][:, step], f"{column}")
