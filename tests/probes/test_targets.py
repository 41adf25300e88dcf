"""Targets against doors whose parameters are written down here."""

from __future__ import annotations

import numpy as np
import pytest

from doorlab.doors.door import FIELDS
from doorlab.errors import ConfigError
from doorlab.probes.targets import TARGETS, target_values


def test_every_target_names_an_array_that_a_dataset_has():
    assert {t.source for t in TARGETS.values()} <= {*FIELDS, "joint_position"}
    assert [name for name, t in TARGETS.items() if t.per_frame] == ["joint_angle"]


def test_values_are_the_stored_ones_with_the_right_type_and_shape():
    arrays = {
        "hinge_side": np.array([0, 1, 1], np.uint8),
        "width": np.array([0.7, 0.8, 0.9]),
        "joint_position": np.array([[0.0, 0.5], [0.1, 1.0], [0.2, 1.5]], np.float32),
    }
    sides = target_values("handedness", arrays)
    assert sides.dtype == np.int64
    assert sides.tolist() == [0, 1, 1]
    assert TARGETS["handedness"].categories == ("left", "right")
    np.testing.assert_array_equal(target_values("width", arrays), [0.7, 0.8, 0.9])
    assert target_values("joint_angle", arrays).shape == (3, 2)


def test_metrics_and_unknown_names():
    assert {name: t.metric for name, t in TARGETS.items()}["swing"] == "accuracy"
    assert TARGETS["place"].metric == "r2"
    with pytest.raises(ConfigError, match="did you mean 'width'"):
        target_values("widht", {})
