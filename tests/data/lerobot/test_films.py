"""Films by real simulators."""

import numpy as np
import pytest

from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.data.lerobot.films import FilmEpisodes, film_features
from doorlab.doors import Action
from doorlab.doors.geometry import grip_point

FPS = 15


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "doors"
    config = GenerationConfig(
        doors=2, frames=1, interactions=3, image_size=16, simulator="torch", videos=0, seed=3
    )
    write_dataset(path, config)
    return DoorDataset.open(path)


@pytest.fixture(scope="module")
def episodes(dataset):
    return list(FilmEpisodes(dataset, 3, FPS).episodes(np.arange(2)))


def test_film_repeats_stored_rewards(dataset, episodes):
    found = [e.values["next.reward"].sum() for e in episodes]
    np.testing.assert_array_equal(np.reshape(found, (2, 3)), dataset.read("rewards"))


def test_film_starts_with_first_passive_frame(dataset, episodes):
    """The first frame of a door is closed, too, and from the same camera."""
    for number, episode in enumerate(episodes):
        stored = dataset.read("images", np.array([number // 3]))[0, 0]
        np.testing.assert_array_equal(episode.images[0], stored)


def test_hand_follows_minimum_jerk_arc(dataset, episodes):
    """The closed form of the hand's path, in the docstring of `doorlab.sim.grip`."""
    for number, episode in enumerate(episodes):
        d, j = divmod(number, 3)
        action = Action.from_normalized(dataset.read("actions")[d, j])
        state = episode.values["observation.state"]
        s = np.arange(len(state)) / FPS / 2.0
        alpha = action.swing * s**3 * (10 - 15 * s + 6 * s**2)
        toward = np.array([np.cos(action.phi), 0.0, np.sin(action.phi)])
        if action.slides:
            path = alpha[:, None] * toward
        else:
            path = action.radius * (1 - np.cos(alpha))[:, None] * toward
            path[:, 1] -= action.radius * np.sin(alpha)
        wanted = np.array(grip_point(dataset.doors()[d])) + path
        np.testing.assert_allclose(state[:, :3], wanted, atol=2e-3)


def test_features_of_arm_are_seven_joints_and_turn():
    action = film_features(arm=True)["action"].names
    assert action == (*(f"arm_joint_{n}" for n in range(1, 8)), "hand_turn")
    assert len(film_features(arm=True)["observation.state"].names) == 7 + 4 + 1
