"""Every path that the operating system takes can be read from."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from doorlab.data import DoorDataset, kvstore_path
from doorlab.errors import DatasetError

ODD = [b"l\xfct", b"x.__lock", b" a b ", b"50%25", "T\u00fcr".encode(), b"a\nb", b"#?&=[]{}*~"]


@pytest.fixture
def rewards(dataset):
    return dataset.read("rewards")


def folder_named(parent: Path, name: bytes) -> Path:
    """A folder of that name; skips where the file system takes text alone."""
    path = Path(os.fsdecode(os.fsencode(parent) + b"/" + name))
    try:
        path.mkdir()
    except OSError:
        pytest.skip("this file system does not take such names")
    return path


def read(path):
    return DoorDataset.open(path).read("rewards")


@pytest.mark.parametrize("name", ODD)
def test_folders_of_any_name(dataset, rewards, tmp_path, name):
    path = shutil.copytree(dataset.path, folder_named(tmp_path, name) / "data")
    np.testing.assert_array_equal(read(path), rewards)
    assert DoorDataset.open(path).verify() == []


def test_paths_as_people_write_them(dataset, rewards, tmp_path, monkeypatch):
    path = shutil.copytree(dataset.path, tmp_path / "data")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path / "sub")
    double = "/" + str(path).replace("data", "/data/")  # Path keeps two slashes at the start
    for odd in (
        "../data",
        f"../../{tmp_path.name}/data",
        double,
        "../link/sub/../data",
        "./../data",
    ):
        np.testing.assert_array_equal(read(odd), rewards)
        np.testing.assert_array_equal(read(Path(odd)), rewards)


def test_a_dataset_stays_open_when_the_working_folder_changes(
    dataset, rewards, tmp_path, monkeypatch
):
    shutil.copytree(dataset.path, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    opened = DoorDataset.open("data")
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(opened.read("rewards"), rewards)


def test_systems_without_numbered_descriptors_say_so(dataset, tmp_path, monkeypatch):
    path = shutil.copytree(dataset.path, folder_named(tmp_path, b"x.__lock") / "data")
    monkeypatch.setattr(kvstore_path, "_DESCRIPTORS", tmp_path / "nothing")
    with pytest.raises(DatasetError, match=r"a path in UTF-8.*x\.__lock/data; rename"):
        DoorDataset.open(path)


def test_descriptors_are_closed(dataset, tmp_path):
    path = shutil.copytree(dataset.path, folder_named(tmp_path, b"x.__lock") / "data")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(5):
        read(path)
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before + 1
