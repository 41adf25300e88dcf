"""Links in a dataset, which others may have put there, and other files that are no part of it."""

import os
import shutil
from pathlib import Path

import pytest
from helpers.altered_runs import write_manifest
from helpers.fake_simulator import CONFIG, make_fake

from doorlab.data import DoorDataset, write_dataset
from doorlab.data.checksums import part_checksum
from doorlab.data.hub.card import CardInfo
from doorlab.data.hub.export import export_dataset
from doorlab.data.manifest import Manifest
from doorlab.data.parts import bytes_below
from doorlab.errors import DatasetError
from doorlab.stages import info

SHARD, FILM = "shards/shard-00001", "videos/door-00000.mp4"
# What a link may stand for, and the part that is damaged by it.
LINKED = {
    SHARD: SHARD,
    f"{SHARD}/rewards": SHARD,
    f"{SHARD}/rewards/c/0": SHARD,
    f"{SHARD}/zarr.json": SHARD,
    "shards": SHARD,
    FILM: FILM,
    "videos": FILM,
}


@pytest.fixture
def copy(dataset, tmp_path):
    """The folder of a dataset that may be damaged."""
    return shutil.copytree(dataset.path, tmp_path / "copy")


@pytest.fixture
def victim(dataset, tmp_path):
    """A folder that has nothing to do with the dataset."""
    folder = tmp_path / "victim"
    shutil.copytree(dataset.path / SHARD, folder / "shard-00001")
    (folder / "thesis.txt").write_text("precious")
    (folder / ".thesis.abcdefgh.tmp").write_text("precious, too")
    (folder / ".drafts.abcdefgh.tmp").mkdir()
    (folder / ".drafts.abcdefgh.tmp/first.txt").write_text("...")
    return folder


def tree(path):
    """Relative path -> content of every file; None of folders, and where links lead to."""
    return {
        str(file.relative_to(path)): os.readlink(file)
        if file.is_symlink()
        else file.read_bytes()
        if file.is_file()
        else None
        for file in path.rglob("*")
    }


def link(path: Path, target: Path) -> None:
    """Puts a link in the place of a file or a folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(target)


def repaired(path):
    write_dataset(path, CONFIG, simulator=make_fake, resume=True)
    return tree(path)


@pytest.mark.parametrize("place", LINKED)
def test_verify_reports_links_and_repair_keeps_their_targets(copy, victim, dataset, place):
    before = tree(victim)
    link(copy / place, victim)
    found = DoorDataset.open(copy)
    assert LINKED[place] in found.verify()
    assert repaired(copy) == tree(dataset.path)
    assert tree(victim) == before


@pytest.mark.parametrize("place", ["shards", SHARD, f"{SHARD}/rewards", f"{SHARD}/rewards/c/0/0"])
def test_dataset_read_rejects_links_to_identical_files(copy, tmp_path, place):
    moved = tmp_path / "elsewhere"
    (copy / place).rename(moved)
    (copy / place).symlink_to(moved)
    with pytest.raises(DatasetError, match=r"a link in the path of rewards.*--resume"):
        DoorDataset.open(copy).read("rewards")


def test_repair_keeps_targets_of_links_named_like_temporary_files(copy, victim):
    before = tree(victim)
    for name in (".dataset.json.abcdefgh.tmp", "shards/.shard-00000.abcdefgh.tmp"):
        (copy / name).symlink_to(victim)
    repaired(copy)
    assert tree(victim) == before


@pytest.mark.parametrize("name", [".lock", "dataset.json"])
def test_repair_replaces_links_to_files_of_dataset_folder(copy, tmp_path, dataset, name):
    target = tmp_path / "target"
    if (copy / name).exists():
        (copy / name).rename(target)
    before = target.read_bytes() if target.exists() else None
    (copy / name).symlink_to(target)
    shutil.rmtree(copy / SHARD)
    assert repaired(copy) == tree(dataset.path)
    assert (target.read_bytes() if target.exists() else None) == before
    assert not (copy / name).is_symlink()


def test_dataset_folder_may_be_a_link(copy, tmp_path, dataset):
    (tmp_path / "link").symlink_to(copy)
    shutil.rmtree(copy / SHARD)
    assert repaired(tmp_path / "link") == tree(copy) == tree(dataset.path)
    assert (tmp_path / "link").is_symlink()
    assert DoorDataset.open(tmp_path / "link").read("rewards").shape == (11, 5)


@pytest.mark.parametrize("wrong", ["file for a shard", "file for the shards", "folder for a film"])
def test_repair_replaces_parts_of_wrong_type(copy, dataset, wrong):
    place = {"file for a shard": SHARD, "file for the shards": "shards", "folder for a film": FILM}
    path = copy / place[wrong]
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.touch() if wrong.startswith("file") else path.mkdir()
    assert repaired(copy) == tree(dataset.path)


def test_verify_reports_pipes_without_blocking(copy, dataset):
    for place in (FILM, f"{SHARD}/rewards/zarr.json"):
        (copy / place).unlink()
        os.mkfifo(copy / place)
    found = DoorDataset.open(copy)
    assert found.verify() == [SHARD, FILM]
    with pytest.raises(DatasetError, match="shard-00001"):
        found.read("rewards")
    assert repaired(copy) == tree(dataset.path)


def test_verify_reports_odd_names_in_shard(copy):
    Path(os.fsdecode(os.fsencode(copy / SHARD) + b"/l\xfct")).touch()
    assert DoorDataset.open(copy).verify() == [SHARD]


def test_bytes_below_does_not_follow_links(copy, victim):
    assert bytes_below(copy, "shards") > 0
    link(copy / "shards", victim)
    assert bytes_below(copy, "shards") == bytes_below(copy, "nothing") == 0


def test_export_rejects_videos_that_are_links(copy, tmp_path):
    (copy / FILM).rename(tmp_path / "secret.mp4")
    (copy / FILM).symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(DatasetError, match=r"door-00000\.mp4 as it was written.*--resume"):
        export_dataset(DoorDataset.open(copy), tmp_path / "export", CardInfo("", ""))


@pytest.mark.parametrize("name", ["../../../etc", "shard-00099", "/etc", ""])
def test_manifest_read_rejects_foreign_parts(copy, name):
    manifest = Manifest.read(copy)
    document = manifest.to_json()
    document["shards"][name] = {"checksum": "blake2b:0"}
    write_manifest(copy, document)
    with pytest.raises(DatasetError, match=r"a part that no such dataset has .*Generate it again"):
        info.run(info.Config(copy, verify=True))


def test_manifest_read_rejects_non_text_checksum(copy):
    document = Manifest.read(copy).to_json()
    document["shards"]["shard-00001"]["checksum"] = None
    write_manifest(copy, document)
    with pytest.raises(DatasetError, match="a checksum of shards/shard-00001 that is no text"):
        Manifest.read(copy)


def test_part_checksum_of_missing_part_is_none(copy):
    assert part_checksum(copy, "shards/nothing") is None
    assert part_checksum(copy, "videos/nothing.mp4") is None
