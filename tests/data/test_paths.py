"""Datasets at any path that the operating system accepts, in all modules that read them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.filming import write_footage

from doorlab.data import DoorDataset, import_dataset
from doorlab.data.hub.card import CardInfo
from doorlab.data.hub.export import export_dataset, restore_dataset
from doorlab.data.sources.importing import FootageSettings, plan_import
from doorlab.errors import ConfigError
from doorlab.storage import text_paths

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
def test_dataset_opens_folders_of_any_name(dataset, rewards, tmp_path, name):
    path = shutil.copytree(dataset.path, folder_named(tmp_path, name) / "data")
    np.testing.assert_array_equal(read(path), rewards)
    assert DoorDataset.open(path).verify() == []


def test_open_accepts_relative_and_unnormalized_paths(dataset, rewards, tmp_path, monkeypatch):
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


def test_dataset_stays_open_after_change_of_working_directory(
    dataset, rewards, tmp_path, monkeypatch
):
    shutil.copytree(dataset.path, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    opened = DoorDataset.open("data")
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(opened.read("rewards"), rewards)


def test_dataset_open_names_missing_descriptor_folder(dataset, tmp_path, monkeypatch):
    path = shutil.copytree(dataset.path, folder_named(tmp_path, b"x.__lock") / "data")
    # As on a system without this folder.
    monkeypatch.setattr(text_paths, "_DESCRIPTORS", tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"a name in UTF-8.*x\.__lock/data'. Rename"):
        read(path)


def test_dataset_read_closes_descriptors(dataset, tmp_path):
    path = shutil.copytree(dataset.path, folder_named(tmp_path, b"x.__lock") / "data")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(5):
        read(path)
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before + 1


def test_import_and_export_accept_names_not_in_utf_8(tmp_path):
    source = write_footage(folder_named(tmp_path, b"fo\xf6tage"))
    (source / "kitchen.mp4").rename(source / os.fsdecode(b"k\xfcche.mp4"))
    config = plan_import(source, FootageSettings(frames=5, image_size=16, shard_doors=2)).config
    import_dataset(tmp_path / "data", config)
    imported = DoorDataset.open(tmp_path / "data")
    hub = tmp_path / os.fsdecode(b"h\xfcb")
    export_dataset(imported, hub, CardInfo("", ""))
    names = [row for file in hub.rglob("*.parquet") for row in column(file, "name")]
    assert r"k\xfcche.mp4" in names
    assert r"fo\xf6tage" in (hub / "README.md").read_text(encoding="utf-8")
    assert restore_dataset(tmp_path / "back", hub).checksum == imported.checksum


def column(file: Path, name: str) -> list[str]:
    with file.open("rb") as opened:
        return pq.read_table(opened)[name].to_pylist()


def test_info_command_prints_on_ascii_terminal(dataset, tmp_path):
    path = shutil.copytree(dataset.path, folder_named(tmp_path, b"\xfcber") / "data")
    program = [sys.executable, "-c", "import sys; from doorlab.cli import main; sys.exit(main())"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict", "COLUMNS": "60"}
    shown = subprocess.run(
        [*program, "info", str(path)], env=environment, capture_output=True, check=False
    )
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert rb"\udcfcber/data" in shown.stdout.replace(b"\n", b"")
    assert b"validation_fraction" in shown.stdout.replace(b"\n", b"")
