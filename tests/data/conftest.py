"""Makes the helpers beside the tests importable, in worker processes too."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_simulator import make_fake

from doorlab.data import DoorDataset, GenerationConfig, write_dataset

CONFIG = GenerationConfig(
    doors=11,
    frames=3,
    interactions=5,
    image_size=16,
    simulator="fake",
    validation_fraction=0.2,
    test_fraction=0.3,
    shard_doors=4,
    videos=1,
)


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
