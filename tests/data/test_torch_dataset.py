"""Doors for a DataLoader, in one process and in several."""

import multiprocessing
import pickle
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from helpers.fake_simulator import CONFIG, make_fake
from torch.utils.data import DataLoader

from doorlab.data import DoorDataset, write_dataset
from doorlab.data.torch_dataset import TorchDoorDataset
from doorlab.errors import ConfigError, DatasetError

forks = pytest.mark.skipif(sys.platform != "linux", reason="no fork there, or none that is safe")
ignored = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@pytest.fixture
def doors(dataset):
    return TorchDoorDataset(dataset.path)


def test_torch_dataset_items_are_doors_of_split(dataset, doors):
    indices = dataset.indices("train")
    assert len(doors) == len(indices) == len(list(doors)) == 6
    for item, index in zip(doors, indices, strict=True):
        assert list(item) == ["images", "actions", "rewards", "door"]
        assert item["door"] == index
        images = dataset.read("images", np.array([index]))[0]
        assert item["images"].shape == (3, 3, 16, 16)
        np.testing.assert_array_equal(item["images"], images.transpose(0, 3, 1, 2))
        np.testing.assert_array_equal(item["rewards"], dataset.read("rewards")[index])
    assert doors[-1]["door"] == indices[-1]
    with pytest.raises(IndexError):
        doors[6]


def test_torch_dataset_accepts_any_array_and_split(dataset):
    doors = TorchDoorDataset(dataset, "test", list(dataset.config.arrays()))
    batch = next(iter(DataLoader(doors, batch_size=3)))
    assert batch["door/width"].tolist() == dataset.read("door/width", doors.indices).tolist()
    with pytest.raises(ConfigError, match="Did you mean 'rewards'"):
        TorchDoorDataset(dataset, arrays=["reward"])
    with pytest.raises(ConfigError, match="Did you mean 'train'"):
        TorchDoorDataset(dataset, "training")
    with pytest.raises(DatasetError, match=r"no dataset\.json"):
        TorchDoorDataset("nowhere")


def test_torch_dataset_repr_describes_contents(doors, dataset):
    assert repr(doors) == (
        f"TorchDoorDataset('{dataset.path}', 'train', 6 doors, arrays: images, actions, rewards)"
    )
    assert repr(dataset) == f"DoorDataset('{dataset.path}', 11 doors)"


def test_dataset_has_length_and_items(dataset):
    assert len(dataset) == 11
    assert set(dataset[4]) == set(dataset.config.arrays())
    np.testing.assert_array_equal(dataset[-1]["rewards"], dataset.read("rewards")[10])
    with pytest.raises(IndexError):
        dataset[11]


@ignored
@pytest.mark.parametrize(("start", "workers"), [pytest.param("fork", 2, marks=forks), ("spawn", 1)])
def test_torch_dataset_is_equal_in_loader_workers(doors, start, workers):
    alone = [batch["images"] for batch in DataLoader(doors, batch_size=4)]  # reads, before the fork
    loader = DataLoader(doors, batch_size=4, num_workers=workers, multiprocessing_context=start)
    for mine, theirs in zip(alone, loader, strict=True):
        torch.testing.assert_close(mine, theirs["images"], rtol=0, atol=0)


def test_torch_dataset_is_picklable(doors):
    copy = pickle.loads(pickle.dumps(doors))
    assert repr(copy) == repr(doors)
    torch.testing.assert_close(copy[0], doors[0], rtol=0, atol=0)


def in_fork(work):
    """What `work` returns, or how it fails, in a forked process."""
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def run():
        try:
            answers.put(work())
        except Exception as error:
            answers.put(error)

    process = context.Process(target=run)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    return answers.get()


@ignored
@forks
def test_dataset_reads_in_forked_process(dataset, tmp_path):
    rewards = dataset.read("rewards")
    np.testing.assert_array_equal(in_fork(lambda: dataset.read("rewards")), rewards)
    with_errors = in_fork(lambda: dataset.read("rewards", np.array([99])))
    assert isinstance(with_errors, DatasetError)
    missing = in_fork(lambda: DoorDataset(tmp_path, dataset.manifest).read("rewards"))
    assert "shard-00000 of" in str(missing)
    assert "--resume" in str(missing)


@ignored
@forks
def test_write_dataset_rejects_forked_process(dataset, tmp_path):
    dataset.read("rewards")
    error = in_fork(lambda: write_dataset(tmp_path / "new", CONFIG, simulator=make_fake))
    assert isinstance(error, DatasetError)
    assert 'Start it with the context "spawn"' in str(error)


@ignored
@forks
def test_door_bandit_env_reads_dataset_in_forked_process(tmp_path):
    pytest.importorskip("pybullet")
    write_dataset(tmp_path / "data", CONFIG, simulator=make_fake)
    DoorDataset.open(tmp_path / "data").read("rewards")
    envs: Any = gymnasium.make_vec(
        "doorlab_envs:doorlab/DoorBandit-v0",
        num_envs=2,
        vectorization_mode="async",
        vector_kwargs={"context": "fork"},
        doors_from=tmp_path / "data",
        frames=2,
        image_size=16,
    )
    try:
        envs.reset_async(seed=0)
        assert envs.reset_wait(timeout=60)[0]["images"].shape == (2, 2, 16, 16, 3)
    finally:
        envs.close(terminate=True)
