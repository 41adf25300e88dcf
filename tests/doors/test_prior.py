import dataclasses
from typing import get_args

import numpy as np
import pytest
from helpers.remaking import remade

from doorlab.doors import DoorPrior, doors_to_arrays, get_prior
from doorlab.doors.door import CATEGORIES, FIELDS, Texture
from doorlab.errors import ConfigError
from doorlab.seeding import stream

N = 200
# Every knob turned on: what no prior has all at once.
RICH = dataclasses.replace(
    DoorPrior(),
    sliding_probability=0.5,
    locked_probability=0.5,
    sticking_probability=0.5,
    panel_textures=get_args(Texture),
    wall_textures=get_args(Texture),
    floor_textures=get_args(Texture),
)


def draw(prior, doors=N):
    return doors_to_arrays([prior.sample(stream(0, "door", i)) for i in range(doors)])


@pytest.fixture(scope="module")
def doors():
    rng = stream(0, "doors")
    return [DoorPrior().sample(rng) for _ in range(300)]


@pytest.fixture(scope="module")
def columns():
    return draw(get_prior("default"))


@pytest.fixture(scope="module")
def rich():
    return draw(RICH)


@pytest.mark.parametrize("name", FIELDS)
def test_door_prior_varies_every_field(rich, name):
    values = rich[name].reshape(N, -1)
    if name in CATEGORIES:
        counts = np.bincount(values[:, 0], minlength=len(CATEGORIES[name]))
        assert (counts > 0.6 * N / len(counts)).all()
    else:
        assert (values.std(axis=0) > 0).all()


def test_door_prior_uses_every_parameter():
    """A known door benchmark randomizes friction with a call that always returns 0."""
    plain = [RICH.sample(stream(0, i)) for i in range(30)]
    views = [RICH.sample_views(stream(1, i), door, 2) for i, door in enumerate(plain)]

    def differs(prior, i):
        return (
            prior.sample(stream(0, i)) != plain[i]
            or prior.sample_views(stream(1, i), plain[i], 2) != views[i]
        )

    for knob in dataclasses.fields(DoorPrior):
        value = getattr(RICH, knob.name)
        turned = dataclasses.replace(RICH, **{knob.name: _turned(knob.name, value)})
        assert any(differs(turned, i) for i in range(30)), knob.name


def _turned(name, value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return 0.0 if name.endswith(("probability", "motion")) else 2 * value
    if isinstance(value[0], str):
        return value[:1]
    low, high = value
    return (low + 0.3 * (high - low), high)


def test_wild_prior_is_disjoint_from_default_prior(columns):
    wild = draw(get_prior("wild"), 100)
    assert columns["width"].max() < wild["width"].min()
    assert columns["height"].max() < wild["height"].min()
    assert columns["mechanism"].max() == 0 < wild["mechanism"].max()
    assert not columns["locked"].any()
    for place in ("panel", "wall", "floor"):
        name = f"appearance.{place}_texture"
        assert not set(columns[name]) & set(wild[name])


@pytest.mark.parametrize(
    "name", ["width", "height", "thickness", "place", "opening_limit", "handle_height", "mass"]
)
def test_door_prior_ranges_are_filled_and_kept(columns, name):
    low, high = getattr(DoorPrior(), name)
    values = columns[name]
    assert low <= values.min() < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < values.max() <= high


def test_door_prior_keeps_probabilities_and_bars_have_no_latch(columns):
    bar = columns["handle_type"] == CATEGORIES["handle_type"].index("bar")
    latched = columns["latch_angle"] > 0
    assert not latched[bar].any()
    assert latched[~bar].mean() == pytest.approx(0.75, abs=0.08)
    assert (columns["closer_stiffness"] > 0).mean() == pytest.approx(0.5, abs=0.08)


def test_narrow_prior_has_one_appearance():
    prior = get_prior("narrow")
    looks = {prior.sample(stream(0, i)).appearance for i in range(20)}
    assert len(looks) == 1


@pytest.mark.parametrize("motion", [0.0, 0.1, 1.0])
def test_camera_motion_scales_moves_between_frames(doors, motion):
    prior = dataclasses.replace(DoorPrior(), camera_motion=motion)
    rng = stream(0, "cameras")
    poses = np.array([[v.to_array() for v in prior.sample_views(rng, d, 5)] for d in doors])
    low, high = prior.camera_height
    # Frames after the first are independent given the door, uniform over the moved share.
    within_doors = poses[:, 1:, 2].var(axis=1, ddof=1).mean()
    assert within_doors == pytest.approx((motion * (high - low)) ** 2 / 12, rel=0.1, abs=1e-12)
    first = poses[:, 0, 2]
    assert first.var() == pytest.approx((high - low) ** 2 / 12, rel=0.2)
    assert np.ptp(poses, axis=1).max() > 0 or motion == 0.0


def test_sample_views_equals_independent_views():
    prior = get_prior("default")
    door = prior.sample(stream(0))
    rng = stream(1)
    alone = [prior.sample_view(rng, door) for _ in range(4)]
    assert prior.sample_views(stream(1), door, 4) == alone


def test_narrow_prior_fixes_camera_and_narrow_moving_does_not():
    still, moving = get_prior("narrow"), get_prior("narrow_moving")
    door = still.sample(stream(0))
    assert moving.sample(stream(0)) == door
    views = still.sample_views(stream(1), door, 4), moving.sample_views(stream(1), door, 4)
    assert len({view.eye for view in views[0]}) == 1
    assert len({view.eye for view in views[1]}) == 4
    assert views[0][0] == views[1][0]


def test_door_prior_parameter_does_not_shift_others():
    a = get_prior("default").sample(stream(0, 1))
    b = dataclasses.replace(get_prior("default"), closer_probability=1.0).sample(stream(0, 1))
    assert dataclasses.replace(b, closer_stiffness=a.closer_stiffness) == a


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"width": (1.0, 0.9)}, "Swap the two"),
        ({"pull_probability": 1.5}, "pull_probability of a prior to be a number from 0 to 1"),
        ({"width": (1.0, 2.0)}, "within"),
        ({"opening_limit": (0.0, 0.0)}, "opening_limit of a prior to be a number from 1e-06"),
        ({"mass": (-2.0, -1.0)}, "mass of a prior to be a number from 1e-06"),
        ({"mass": (1.0, float("inf"))}, "mass of a prior to be a number from 1e-06"),
        ({"hinge_friction": (-3.0, -1.0)}, "hinge_friction of a prior to be a number from 0"),
        ({"handle_types": ()}, "handle_types of a prior to be one or more of lever, knob, bar"),
        ({"camera_jitter": -0.1}, "camera_jitter of a prior to be a number from 0"),
        ({"camera_motion": 1.1}, "camera_motion of a prior to be a number from 0 to 1"),
        ({"opening_limit": (1.0, 3.0)}, "opening_limit < 2.0"),
        ({"sliding_limit": (1.0, 1.2)}, "slide by less than 1.2 m"),
    ],
)
def test_door_prior_rejects_impossible_ranges(knobs, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(DoorPrior(), **knobs)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        (
            {"panel_textures": ("wood", "oak")},
            "a panel_textures of a prior out of .*, but got 'oak'",
        ),
        ({"handle_types": "lever"}, "one or more of lever, knob, bar, but got 'lever'"),
        ({"handle_types": ["lever", None]}, "a handle_types of a prior out of .*, but got None"),
        ({"width": 0.8}, r"width of a prior to be \(low, high\), but got 0.8"),
        ({"width": (0.8, float("nan"))}, "width of a prior .*, but got nan"),
        ({"width": ("a", "b")}, "width of a prior to be a number, but got 'a'"),
        (
            {"brightness": (0.1, 2.0)},
            "brightness of a prior to be a number from 0 to 1, but got 2.0",
        ),
        ({"light_strength": (0.1, 1.5)}, "light_strength of a prior to be a number from 0 to 1"),
        ({"field_of_view": (0.7, 43.0)}, "field_of_view of a prior"),
        ({"pull_probability": None}, "pull_probability of a prior to be a number, but got None"),
        ({"randomize_appearance": "no"}, "randomize_appearance of a prior to be True or False"),
        ({"handle_height": (0.8, 1.9)}, "handle_height of a prior to be below its lowest height"),
    ],
)
def test_door_prior_rejects_unknown_values(knobs, message):
    with pytest.raises(ConfigError, match=message):
        remade(DoorPrior(), **knobs)


def test_door_prior_converts_lists_and_numpy_numbers():
    prior = remade(DoorPrior(), width=[np.float32(0.75), 1], panel_textures=["wood"])
    assert prior == dataclasses.replace(DoorPrior(), width=(0.75, 1.0), panel_textures=("wood",))
    assert hash(prior)


def test_get_prior_rejects_unknown_name():
    with pytest.raises(ConfigError, match="Did you mean 'narrow'"):
        get_prior("narow")


def test_door_prior_samples_from_ranges_of_negative_zero():
    prior = DoorPrior(place=(0.0, -0.0), camera_jitter=-0.0)
    door = prior.sample(stream(0))
    assert door.place == 0.0
    assert prior.sample_view(stream(1), door).target[0] == 0.0
