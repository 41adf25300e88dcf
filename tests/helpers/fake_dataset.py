"""A dataset of doors that a fake simulator made."""

import pytest

from doorlab.data import DoorDataset, write_dataset
from helpers.fake_simulator import CONFIG, make_fake


@pytest.fixture(scope="session")
def config():
    return CONFIG


@pytest.fixture(scope="session")
def _written(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "dataset"
    write_dataset(path, CONFIG, simulator=make_fake)
    return path


@pytest.fixture
def dataset(_written):
    """An intact dataset of 11 fake doors in three shards; not to be changed."""
    return DoorDataset.open(_written)
