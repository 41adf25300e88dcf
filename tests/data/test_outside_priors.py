"""Datasets whose prior is a JSON file or in a module outside doorlab."""

import json
import shutil
import sys
from dataclasses import asdict, replace

import pytest
from helpers.fake_simulator import make_fake, tree

from doorlab.data import DoorDataset, write_dataset
from doorlab.data.manifest import Manifest
from doorlab.doors import DoorPrior, get_prior
from doorlab.errors import ConfigError

HEAVY = {"mass": [28.0, 30.0]}


@pytest.fixture
def heavy(tmp_path, config):
    """Settings whose prior is a JSON file."""
    path = tmp_path / "heavy.json"
    path.write_text(json.dumps(HEAVY))
    return replace(config, prior=str(path))


def write(path, config, **options):
    write_dataset(path, config, simulator=make_fake, **options)


def test_write_dataset_records_every_field_of_prior(tmp_path, heavy):
    write(tmp_path / "data", heavy)
    recorded = json.loads((tmp_path / "data/dataset.json").read_text())["prior"]
    (tmp_path / "again.json").write_text(json.dumps(recorded))
    assert get_prior(str(tmp_path / "again.json")) == DoorPrior(mass=(28.0, 30.0))
    masses = [door.mass for door in DoorDataset.open(tmp_path / "data").doors()]
    assert 28.0 <= min(masses) < max(masses) <= 30.0


def test_write_dataset_records_no_ranges_of_named_prior(dataset):
    assert "prior" not in json.loads((dataset.path / "dataset.json").read_text())


def test_dataset_opens_without_prior_file(tmp_path, heavy):
    write(tmp_path / "data", heavy)
    (tmp_path / "heavy.json").unlink()
    moved = tmp_path / "elsewhere"
    shutil.move(tmp_path / "data", moved)
    dataset = DoorDataset.open(moved)
    assert dataset.verify() == []
    assert dataset.checksum == Manifest.read(moved).checksum
    assert dataset.read("images").shape == (11, 3, 16, 16, 3)


def test_dataset_opens_without_prior_module(tmp_path, config, monkeypatch):
    (tmp_path / "heavy_doors.py").write_text(
        "from doorlab.doors import DoorPrior\nPRIOR = DoorPrior(mass=(28.0, 30.0))\n"
    )
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        write(tmp_path / "data", replace(config, prior="heavy_doors:PRIOR"))
    del sys.modules["heavy_doors"]
    dataset = DoorDataset.open(tmp_path / "data")
    assert min(door.mass for door in dataset.doors()) >= 28.0
    with pytest.raises(ConfigError, match="a module heavy_doors"):
        write(tmp_path / "data", dataset.generation, resume=True)


def test_write_dataset_workers_need_neither_prior_file_nor_module(tmp_path, heavy):
    write(tmp_path / "one", heavy)
    assert heavy.door_prior == DoorPrior(mass=(28.0, 30.0))
    (tmp_path / "heavy.json").unlink()  # the config has resolved it
    write(tmp_path / "two", heavy, workers=2)
    assert tree(tmp_path / "two") == tree(tmp_path / "one")


def test_resume_accepts_same_ranges_from_other_file(tmp_path, heavy):
    write(tmp_path / "data", heavy)
    before = tree(tmp_path / "data")
    shutil.rmtree(tmp_path / "data/shards/shard-00001")
    (tmp_path / "heavy.json").rename(tmp_path / "renamed.json")
    write(tmp_path / "data", replace(heavy, prior=str(tmp_path / "renamed.json")), resume=True)
    assert tree(tmp_path / "data") == before


@pytest.mark.parametrize("name", ["heavy.json", "other.json"])
def test_resume_rejects_other_ranges(tmp_path, heavy, name):
    write(tmp_path / "data", heavy)
    (tmp_path / name).write_text(json.dumps({"mass": [27.0, 30.0]}))
    other = replace(heavy, prior=str(tmp_path / name))
    with pytest.raises(ConfigError, match=r"in mass of the prior \(\[28.*\] there, \[27.*\] here"):
        write(tmp_path / "data", other, resume=True)


def test_resume_rejects_named_prior(tmp_path, heavy):
    write(tmp_path / "data", heavy)
    with pytest.raises(ConfigError, match=r"prior \(.*heavy\.json there, default here\)"):
        write(tmp_path / "data", replace(heavy, prior="default"), resume=True)


def test_generation_config_with_seed_keeps_resolved_prior(tmp_path, heavy):
    _ = heavy.door_prior
    (tmp_path / "heavy.json").unlink()
    other = heavy.with_seed(5)
    assert other.door_prior == heavy.door_prior
    assert asdict(other) == {**asdict(heavy), "seed": 5}
