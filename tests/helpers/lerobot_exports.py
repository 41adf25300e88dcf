"""Exports of the dataset of 11 fake doors in the format of LeRobot."""

import numpy as np
import pytest

from doorlab.data import DoorDataset
from doorlab.data.hub.card import CardInfo
from doorlab.data.lerobot.episodes import FrameEpisodes
from doorlab.data.lerobot.export import export_lerobot
from doorlab.data.lerobot.films import FilmEpisodes
from helpers.fake_simulator import FakeSimulator


class RecordingSimulator(FakeSimulator):
    """Records hands that move away from the door at 1 m/s; held to the middle if they slip."""

    def interact(self, doors, actions, *, record=False):
        done = super().interact(doors, actions, record=record)
        if not record:
            return done
        steps, held = done.trajectories.shape[-1], np.where(done.slipped, 10, done.steps)
        middles = (np.arange(steps) + 0.5) * 0.05
        hands = np.zeros((*done.trajectories.shape, 3), np.float32)
        hands[..., 1] = -middles
        hands[np.arange(steps) >= held[..., None]] = np.nan
        vars(done).update(hands=hands, steps=held.astype(np.int32), time_step=0.05)
        return done


def film_episodes(dataset, interactions=2, fps=10):
    return FilmEpisodes(dataset, interactions, fps, lambda name: RecordingSimulator())


def _exported(written, folder, episodes, about, **how):
    dataset = DoorDataset.open(written)
    export_lerobot(dataset, folder, about, episodes(dataset), file_doors=6, **how)
    return folder


@pytest.fixture(scope="session")
def frames(_written, tmp_path_factory):
    """An export of the frames, in two files; not to be changed."""
    folder = tmp_path_factory.mktemp("lerobot") / "frames"
    return _exported(_written, folder, FrameEpisodes, CardInfo("My doors", "cc-by-4.0"))


@pytest.fixture(scope="session")
def films(_written, tmp_path_factory):
    """An export of two interactions with every door, as images; not to be changed."""
    folder = tmp_path_factory.mktemp("lerobot") / "films"
    return _exported(_written, folder, film_episodes, CardInfo())


@pytest.fixture(scope="session")
def videos(_written, tmp_path_factory):
    """The same as `films`, as videos; not to be changed."""
    folder = tmp_path_factory.mktemp("lerobot") / "videos"
    return _exported(_written, folder, film_episodes, CardInfo(), video=True)
