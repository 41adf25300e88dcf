"""Actions of the cells of a map: in Python, which simulates them, and in JavaScript."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.fake_simulator import make_fake
from scipy.interpolate import RegularGridInterpolator

from doorlab.doors import DoorPrior, oracle_action
from doorlab.explorer.slices import action_words, axes, slices_of
from doorlab.sim import InteractionResult
from doorlab.sim.rendering import RGB_ONLY


class Recording:
    """Rewards are functions of the action, so that each tells its action."""

    name = renderer = "recording"

    def __init__(self) -> None:
        self.actions: list[np.ndarray] = []

    def render(self, doors, joint_positions, views, image_size, layers=RGB_ONLY):
        raise NotImplementedError

    def close(self):
        pass

    def interact(self, doors, actions, *, record=False):
        self.actions.append(actions[0])
        rewards = np.abs(actions @ np.array([0.1, 0.2, 0.3, 0.4])).astype(np.float32)
        return InteractionResult(rewards, rewards, rewards < 0, rewards.astype(np.int32))


@pytest.fixture
def doors():
    rng = np.random.default_rng(3)
    hinged = DoorPrior().sample(rng)
    return [replace(hinged, mechanism="hinged"), hinged]


def test_cells_of_both_languages_are_the_same_actions(evaluate, doors):
    simulator = Recording()
    found = slices_of(simulator, doors)
    assert len(simulator.actions) == len(doors)
    data = {"axes": axes(), "doors": [{"slices": part} for part in found]}
    for name in ("direction", "turn"):
        slice_ = evaluate(
            {"data": data, "name": name},
            "makeSlice(given.data, { featuresOf: () => 0 }, 1, given.name)",
        )
        actions = np.reshape(slice_["actions"], (-1, 4))
        rewards = Recording().interact(doors, actions[None]).rewards[0]
        np.testing.assert_allclose(slice_["truth"], rewards, atol=2e-4)
        assert np.abs(actions).max() <= 1


def test_action_lies_on_its_own_cell(evaluate, doors):
    (found,) = slices_of(Recording(), doors[:1])
    data = {"axes": axes(), "doors": [{"slices": found}]}
    places = evaluate(
        {"data": data},
        """["direction", "turn"].flatMap((name) => {
          const slice = makeSlice(given.data, { featuresOf: () => 0 }, 0, name);
          return [0, 7, 300].map((i) => {
            const { column, row } = projected(slice, actionAt(slice, cellOf(slice, i)));
            return [i, row * slice.columns + column];
          });
        })""",
    )
    for index, place in places:
        assert place == pytest.approx(index, abs=0.01)


PLACES = [(0, 0), (24, 20), (3.25, 7.5), (11.9, 0.1), (18.5, 19.75), (23.999, 20), (0.5, 10)]


def test_action_between_cells_lies_at_its_own_place(evaluate, doors):
    """The direction passes from 1 to -1 at column 18, which must not bend the axis."""
    (found,) = slices_of(Recording(), doors[:1])
    places = evaluate(
        {"data": {"axes": axes(), "doors": [{"slices": found}]}, "places": PLACES},
        """given.places.map(([column, row]) => {
          const slice = makeSlice(given.data, { featuresOf: () => 0 }, 0, "direction");
          const action = actionAt(slice, { column, row });
          return [action, shownAt(slice.shown.x, column)];
        })""",
    )
    for (column, row), (action, degrees) in zip(PLACES, places, strict=True):
        assert degrees == pytest.approx(15 * column - 90)
        angle = np.pi * action[0] - np.radians(degrees)
        assert np.cos(angle) == pytest.approx(1, abs=1e-9)
        assert action[2] == pytest.approx(row / 10 - 1, abs=1e-6)
        assert -1 <= action[0] <= 1
        np.testing.assert_allclose(np.delete(action, [0, 2]), np.delete(found["oracle"], [0, 2]))


def test_reward_between_cells_is_interpolated_linearly(evaluate, doors):
    """SciPy interpolates the same table."""
    rewards = np.random.default_rng(0).random((21, 25))
    (found,) = slices_of(Recording(), doors[:1])
    found["rewards"]["direction"] = rewards.tolist()
    values = evaluate(
        {"data": {"axes": axes(), "doors": [{"slices": found}]}, "places": PLACES},
        """given.places.map(([column, row]) => {
          const slice = makeSlice(given.data, { featuresOf: () => 0 }, 0, "direction");
          return between(slice, slice.truth, { column, row });
        })""",
    )
    table = RegularGridInterpolator((np.arange(21), np.arange(25)), rewards)
    expected = table([(row, column) for column, row in PLACES])
    np.testing.assert_allclose(values, expected, atol=1e-6)


def test_action_words_have_units():
    words = action_words(np.array([1.0, 0.9, -0.5, 0.25], np.float32))
    assert words == {
        "direction": "180\u00b0",
        "radius": "slides",
        "swing": "\u22120.60 m",
        "turn": "+0.25 rad",
    }


def test_action_words_have_no_negative_zero():
    assert action_words(np.array([0, 0, 0, -0.001], np.float32))["turn"] == "+0.00 rad"


def test_oracle_is_stored_for_every_door(doors):
    found = slices_of(make_fake("fake"), doors)
    for part, door in zip(found, doors, strict=True):
        np.testing.assert_allclose(part["oracle"], oracle_action(door), atol=1e-6)
        assert {np.shape(rows) for rows in part["rewards"].values()} == {(21, 25), (21, 21)}
