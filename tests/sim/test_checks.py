"""What simulators refuse, all with the same words."""

import numpy as np
import pytest

from doorlab.doors import View
from doorlab.errors import ConfigError
from doorlab.sim import make_simulator
from doorlab.sim.checks import check_interact, check_render

FRONT = View((0.0, -3.0, 1.05), (0.0, 0.0, 1.05), 0.86)
SHUT = np.zeros((2, 6))
VIEWS = [[FRONT] * 6] * 2


@pytest.fixture(scope="module", params=["pybullet", "torch", "panda"])
def any_simulator(request):
    simulator = make_simulator(request.param)
    yield simulator
    simulator.close()


@pytest.mark.parametrize(
    ("positions", "views", "size", "message"),
    [
        (SHUT, [[FRONT] * 2] * 2, 8, "2 rows of 6 views.*, but got 2 views in row 0"),
        (SHUT, [[FRONT] * 6], 8, "2 rows of 6 views.*, but got 1 rows"),
        (
            SHUT[:1],
            VIEWS,
            8,
            r"joint positions as numbers of shape \(2, frames\), but got \(1, 6\)",
        ),
        (SHUT[0], VIEWS, 8, r"got \(6,\)"),
        (SHUT.astype(str), VIEWS, 8, "joint positions as numbers"),
        (SHUT + np.nan, VIEWS, 8, "door 0 from 0 to its limit of .* rad, but got nan"),
        (SHUT + np.array([[0], [np.inf]]), VIEWS, 8, "door 1 .*, but got inf"),
        (SHUT + 57.0, VIEWS, 8, "got 57.0. Pass them in rad"),
        (SHUT - 0.1, VIEWS, 8, "got -0.1"),
        (SHUT, VIEWS, 0, "an image size from 1 to 8192 pixels, but got 0"),
        (SHUT, VIEWS, 10**9, "got 1000000000"),
    ],
)
def test_render_rejects_invalid_arguments(any_simulator, doors, positions, views, size, message):
    with pytest.raises(ConfigError, match=message):
        any_simulator.render(doors[:2], positions, views, size)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros((2, 4)), r"actions of shape \(2, interactions, 4\)"),
        (np.zeros((1, 3, 4)), r"got an array of shape \(1, 3, 4\)"),
        (np.zeros((2, 3, 5)), r"got an array of shape \(2, 3, 5\)"),
        (np.full((2, 1, 4), np.nan), "got an array that contains nan"),
        (np.full((2, 1, 4), 1.5), "got an array that contains 1.5"),
        (np.zeros((2, 1, 4), complex), "got an array of complex128"),
        (np.zeros((2, 1, 4), object), "got an array of object"),
    ],
)
def test_interact_rejects_invalid_actions(any_simulator, doors, actions, message):
    with pytest.raises(ConfigError, match=message):
        any_simulator.interact(doors[:2], actions)


@pytest.mark.parametrize(
    ("positions", "views", "size", "message"),
    [
        (SHUT, [FRONT] * 2, 8, "got a View at 0"),
        (SHUT, FRONT, 8, "got a View. Pass one row per door"),
        (SHUT, [["front"] * 6] * 2, 8, "got a str in row 0"),
        (SHUT, [[FRONT] * 6, [*[FRONT] * 5, None]], 8, "got a NoneType in row 1"),
        ([[0.0], [0.0, 0.1]], VIEWS, 8, "all of the same length"),
        (SHUT, VIEWS, 8.0, "got 8.0"),
        (SHUT, VIEWS, True, "got True"),
        (SHUT, VIEWS, None, "got None"),
    ],
)
def test_check_render_rejects_objects_of_other_types(doors, positions, views, size, message):
    with pytest.raises(ConfigError, match=message):
        check_render(doors[:2], positions, views, size)


def test_checks_reject_objects_that_are_not_doors(doors):
    for wrong, got in ((doors[0], "a Door"), ([doors[0], "door"], "a str at 1"), (None, "a None")):
        with pytest.raises(ConfigError, match=f"a sequence of doors, but got {got}"):
            check_interact(wrong, np.zeros((2, 1, 4)))
        with pytest.raises(ConfigError, match=f"a sequence of doors, but got {got}"):
            check_render(wrong, SHUT, VIEWS, 8)


def test_render_accepts_recorded_trajectories(any_simulator, doors):
    """A stop yields a little, so that a door exceeds its limit for a moment."""
    actions = np.array([[[-1.0, 0.0, 0.7, 1.0]], [[0.0, 0.0, -0.7, 1.0]]], np.float32)
    courses = any_simulator.interact(doors[:2], actions, record=True).trajectories[:, 0, ::20]
    views = [[FRONT] * courses.shape[1]] * 2
    assert any_simulator.render(doors[:2], courses, views, 8).images.shape[1] == courses.shape[1]


def test_render_accepts_no_doors_and_no_frames(any_simulator, doors):
    assert any_simulator.render([], np.zeros((0, 3)), [], 8).images.shape == (0, 3, 8, 8, 3)
    none = any_simulator.render(doors[:2], np.zeros((2, 0)), [[], []], 8)
    assert none.images.shape == (2, 0, 8, 8, 3)
