"""Targets against doors whose parameters are written down here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from doorlab.data.targets import TARGETS, mirrored, target_values
from doorlab.doors import doors_to_arrays, get_prior
from doorlab.doors.door import FIELDS
from doorlab.errors import ConfigError
from doorlab.seeding import stream


def test_targets_name_existing_arrays():
    sources = {source for t in TARGETS.values() for source in t.sources}
    assert sources <= {*FIELDS, "joint_position"}
    assert [name for name, t in TARGETS.items() if t.per_frame] == ["joint_angle"]


def test_target_values_match_stored_arrays():
    arrays = {
        "hinge_side": np.array([0, 1, 1], np.uint8),
        "width": np.array([0.7, 0.8, 0.9]),
        "joint_position": np.array([[0.0, 0.5], [0.1, 1.0], [0.2, 1.5]], np.float32),
        "mechanism": np.array([0, 1, 0], np.uint8),
        "handle_type": np.array([2, 0, 1], np.uint8),
    }
    sides = target_values("handedness", arrays)
    assert sides.dtype == np.int64
    assert sides.tolist() == [0, 1, 1]
    assert TARGETS["handedness"].categories == ("left", "right")
    np.testing.assert_array_equal(target_values("width", arrays), [0.7, 0.8, 0.9])
    angles = target_values("joint_angle", arrays)
    np.testing.assert_allclose(angles[[0, 2]], arrays["joint_position"][[0, 2]])
    assert np.isnan(angles[1]).all()  # it slides
    assert target_values("latch", arrays).tolist() == [0, 1, 1]
    assert TARGETS["latch"].categories == ("bar", "lever or knob")


def test_latch_target_is_visible_from_handle_type():
    """No door with a bar has a latch, and three in four others have one."""
    prior = get_prior("default")
    doors = [prior.sample(stream(0, "door", i)) for i in range(600)]
    seen = target_values("latch", doors_to_arrays(doors))
    latched = np.array([door.latch_angle > 0 for door in doors])
    assert not latched[seen == 0].any()
    assert latched[seen == 1].mean() == pytest.approx(0.75, abs=0.06)
    assert seen.mean() == pytest.approx(2 / 3, abs=0.06)


def test_mirrored_targets_match_mirrored_door():
    prior = get_prior("default")
    doors = [prior.sample(stream(0, "door", i)) for i in range(5)]
    other_side = {"left": "right", "right": "left"}
    turned = [replace(d, hinge_side=other_side[d.hinge_side], place=-d.place) for d in doors]
    frames = {"joint_position": np.zeros((5, 2))}
    before, after = ({**doors_to_arrays(d), **frames} for d in (doors, turned))
    for name, target in TARGETS.items():
        found = mirrored(target, target_values(name, before))
        np.testing.assert_array_equal(found, target_values(name, after))


def test_target_values_rejects_unknown_name():
    assert {name: t.metric for name, t in TARGETS.items()}["swing"] == "accuracy"
    assert TARGETS["place"].metric == "r2"
    with pytest.raises(ConfigError, match="Did you mean 'width'"):
        target_values("widht", {})
