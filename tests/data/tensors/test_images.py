"""Images on disk, against the arrays of the dataset."""

import shutil

import numpy as np
import pytest
import torch

from doorlab.data import DoorDataset
from doorlab.data.tensors import images as images_module
from doorlab.data.tensors.images import ImagesOnDisk, first_images, gather_images
from doorlab.errors import DatasetError


@pytest.fixture
def doors(dataset):
    return dataset.indices("train")


@pytest.fixture
def on_disk(dataset, doors):
    return ImagesOnDisk(dataset, doors)


@pytest.fixture
def expected(dataset, doors):
    return np.moveaxis(dataset.read("images")[doors], -1, 2)


def test_images_on_disk_have_shape_of_array_without_reading(dataset, doors, expected, monkeypatch):
    monkeypatch.setattr(dataset, "read", None)
    on_disk = ImagesOnDisk(dataset, doors)
    assert on_disk.shape == expected.shape
    assert len(on_disk) == len(expected)
    assert len(on_disk.first(2)) == 2
    assert "shape=(6, 3, 3, 16, 16)" in repr(on_disk)


@pytest.mark.parametrize("bytes_at_once", [1, 5000, 2**26])
def test_images_on_disk_read_slices_in_parts(on_disk, dataset, doors, expected, bytes_at_once):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images_module, "_READ_BYTES", bytes_at_once)
        parts = ImagesOnDisk(dataset, doors)
    for chosen in (slice(None), slice(2, 5), slice(4, 99), slice(3, 3)):
        np.testing.assert_array_equal(parts[chosen], expected[chosen])
        assert parts[chosen].is_contiguous()  # convolutions may depend on the layout
    np.testing.assert_array_equal(parts.first(4)[1:], expected[1:4])


@pytest.mark.parametrize("bytes_at_once", [1, 5000, 2**26])
def test_images_on_disk_gather_frames_as_memory(dataset, doors, expected, bytes_at_once):
    rng = np.random.default_rng(0)
    rows, picks = rng.integers(0, 6, 20), rng.integers(0, 3, (20, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images_module, "_READ_BYTES", bytes_at_once)
        on_disk = ImagesOnDisk(dataset, doors)
    in_memory = torch.from_numpy(expected.copy())
    for images in (on_disk, in_memory):
        found = gather_images(images, torch.from_numpy(rows), torch.from_numpy(picks))
        np.testing.assert_array_equal(found, expected[rows[:, None], picks])
        assert found.is_contiguous()


def test_images_on_disk_gather_reads_each_door_once(on_disk, dataset, monkeypatch):
    read, original = [], dataset.read
    monkeypatch.setattr(dataset, "read", lambda n, d: read.extend(d.tolist()) or original(n, d))
    on_disk.gather(torch.tensor([5, 0, 5, 5, 0]), torch.zeros(5, 2, dtype=torch.int64))
    assert len(read) == len(set(read)) == 2


def test_first_images_are_those_of_first_doors(on_disk, expected):
    in_memory = torch.from_numpy(expected.copy())
    for images in (on_disk, in_memory):
        np.testing.assert_array_equal(first_images(images, 3)[:], expected[:3])


def test_images_on_disk_report_damaged_shard(dataset, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(dataset.path, copy)
    opened = DoorDataset.open(copy)
    images = ImagesOnDisk(opened, opened.indices("train"))
    chunk = copy / "shards/shard-00001/images/c/0/0/0/0/0"
    chunk.write_bytes(chunk.read_bytes()[:-9])
    with pytest.raises(DatasetError, match=r"shard-00001 of .* to be intact"):
        images[:]
