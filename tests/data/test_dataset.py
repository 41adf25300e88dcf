import shutil

import numpy as np
import pytest
from helpers.fake_simulator import FakeSimulator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorlab.data import SPLITS, DoorDataset
from doorlab.data.manifest import Manifest
from doorlab.data.sources.simulation import make_door, make_shard, split_of_doors
from doorlab.errors import ConfigError, DatasetError


@pytest.fixture
def copy(dataset, tmp_path):
    """A dataset that may be damaged."""
    shutil.copytree(dataset.path, tmp_path / "copy")
    return DoorDataset.open(tmp_path / "copy")


def test_dataset_read_matches_simulated_arrays(dataset, config):
    expected = make_shard(config, 0, config.doors, FakeSimulator())
    for name in config.arrays():
        np.testing.assert_array_equal(dataset.read(name), expected[name])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(doors=st.lists(st.integers(0, 10), max_size=30))
def test_dataset_read_accepts_any_order_and_repeats(dataset, doors):
    for name in ("images", "rewards", "split"):
        whole = dataset.read(name)
        np.testing.assert_array_equal(dataset.read(name, np.array(doors, int)), whole[doors])


def test_dataset_properties_match_config(dataset, config):
    assert (dataset.num_doors, dataset.frames) == (11, 3)
    assert (dataset.interactions, dataset.image_size) == (5, 16)
    assert dataset.config == config
    assert dataset.checksum == Manifest.read(dataset.path).checksum
    assert all(video.exists() for video in dataset.videos)


def test_dataset_doors_round_trip_exactly(dataset, config):
    assert dataset.doors(np.array([7, 2])) == [make_door(config, 7), make_door(config, 2)]
    assert len(dataset.doors()) == 11


def test_dataset_splits_are_disjoint_and_exhaustive(dataset, config):
    parts = [dataset.indices(split) for split in SPLITS]
    assert sorted(np.concatenate(parts)) == list(range(11))
    for number, part in enumerate(parts):
        assert list(part) == sorted(part)
        assert (split_of_doors(config)[part] == number).all()


@pytest.mark.parametrize("doors", [[11], [-1], [[0, 1]]])
def test_dataset_read_rejects_doors_out_of_range(dataset, doors):
    with pytest.raises(DatasetError, match="from 0 to 10"):
        dataset.read("rewards", np.array(doors))


def test_dataset_read_rejects_unknown_names(dataset):
    with pytest.raises(ConfigError, match="Did you mean 'images'"):
        dataset.read("image")
    with pytest.raises(ConfigError, match="test, train, validation"):
        dataset.indices("holdout")


@pytest.mark.parametrize("name", ["images", "rewards", "door/width"])
def test_dataset_read_rejects_flipped_bytes(copy, name):
    for file in (copy.path / "shards/shard-00001" / name / "c").rglob("*"):
        if file.is_file():
            content = bytearray(file.read_bytes())
            content[len(content) // 3] ^= 16
            file.write_bytes(bytes(content))
    with pytest.raises(DatasetError, match=r"shard-00001.*--resume"):
        copy.read(name)
    assert copy.verify() == ["shards/shard-00001"]
    assert copy.read(name, np.arange(4)).any()  # other shards still read


@pytest.mark.parametrize("gone", ["shard-00002", "shard-00002/rewards", "shard-00002/rewards/c"])
def test_dataset_read_rejects_missing_files(copy, gone):
    shutil.rmtree(copy.path / "shards" / gone)
    with pytest.raises(DatasetError, match="shard-00002"):
        copy.read("rewards")
    assert copy.verify() == ["shards/shard-00002"]


def test_dataset_read_rejects_shard_of_another_dataset(copy):
    shards = copy.path / "shards"
    shutil.rmtree(shards / "shard-00002")
    shutil.copytree(shards / "shard-00000", shards / "shard-00002")  # four doors, not three
    with pytest.raises(DatasetError, match="a chunk of 80 bytes, not 60, in rewards/c/0/0"):
        copy.read("rewards")


def test_dataset_open_rejects_incomplete_dataset(copy):
    manifest = copy.manifest
    del manifest.parts["shards/shard-00000"]
    manifest.write(copy.path)
    with pytest.raises(DatasetError, match=r"1 of 4 parts missing.*doorlab generate --out"):
        DoorDataset.open(copy.path)
