"""Exports of the dataset of 11 fake doors in the format of LeRobot."""

import numpy as np
import pytest

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


@pytest.fixture
def frames(dataset, tmp_path):
    """An export of the frames; the doors in two files."""
    about = CardInfo("My doors", "cc-by-4.0")
    export_lerobot(dataset, tmp_path / "frames", about, FrameEpisodes(dataset), file_doors=6)
    return tmp_path / "frames"


@pytest.fixture
def films(dataset, tmp_path):
    """An export of two interactions with every door, as images."""
    export_lerobot(dataset, tmp_path / "films", CardInfo(), film_episodes(dataset), file_doors=6)
    return tmp_path / "films"


@pytest.fixture
def videos(dataset, tmp_path):
    """The same as `films`, as videos."""
    how = {"file_doors": 6, "video": True}
    export_lerobot(dataset, tmp_path / "videos", CardInfo(), film_episodes(dataset), **how)
    return tmp_path / "videos"
