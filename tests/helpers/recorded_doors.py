"""Doors of a dataset, and of the environments."""

import importlib.util

import pytest

from doorlab.data import DoorDataset
from doorlab.data.sources.simulation import GenerationConfig, make_door
from doorlab.data.writer import write_dataset
from doorlab.doors.priors import DEFAULT_PRIOR


def door_of(key):
    """The door that an environment has for a key of its `info`, without a dataset."""
    return make_door(GenerationConfig(doors=1, prior=DEFAULT_PRIOR, seed=key), 0)


@pytest.fixture(scope="session")
def recorded_doors(tmp_path_factory):
    """A dataset's path, 24 doors of it, and their indices."""
    if importlib.util.find_spec("pybullet") is None:
        pytest.skip("needs a simulator")
    path = tmp_path_factory.mktemp("bandit") / "dataset"
    config = GenerationConfig(
        doors=32,
        frames=1,
        interactions=1,
        image_size=16,
        seed=3,
        test_fraction=0.75,
        videos=0,
    )
    write_dataset(path, config, workers=1)
    dataset = DoorDataset.open(path)
    keys = dataset.indices("test")
    return path, dataset.doors(keys), keys.tolist()
