import json
from dataclasses import replace

import pytest
from helpers.altered_runs import write_manifest

from doorlab.data.checksums import checksum
from doorlab.data.manifest import Manifest
from doorlab.data.schema import FORMAT_VERSION
from doorlab.data.sources.importing import ImportConfig
from doorlab.errors import DatasetError


@pytest.fixture
def full(config):
    manifest = Manifest(config, "fake")
    manifest.parts.update({part: f"blake2b:{i}" for i, part in enumerate(manifest.expected)})
    return manifest


def change(path, **values):
    file = path / "dataset.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_manifest_round_trips_through_file(tmp_path, full):
    full.write(tmp_path)
    assert Manifest.read(tmp_path) == full


def test_manifest_document_lists_splits_and_parts(full):
    document = full.to_json()
    assert document["complete"] is True
    assert document["splits"] == {"train": 6, "validation": 2, "test": 3}
    assert document["shards"]["shard-00002"]["doors"] == [8, 11]
    assert list(document["videos"]) == ["door-00000.mp4"]


def test_manifest_is_independent_of_write_order(config, full):
    backwards = Manifest(config, "fake", dict(reversed(full.parts.items())))
    assert json.dumps(backwards.to_json()) == json.dumps(full.to_json())


def test_manifest_lists_missing_parts(full):
    del full.parts["shards/shard-00001"]
    assert full.missing == ["shards/shard-00001"]
    assert not full.complete
    assert full.to_json()["complete"] is False


def test_manifest_checksum_depends_on_parts(config, full):
    other = Manifest(config, "fake", {**full.parts, "shards/shard-00000": "blake2b:other"})
    assert len({full.checksum, other.checksum, Manifest(config, "fake").checksum}) == 3


def earlier(document, **entries):
    """The document as earlier versions wrote it: one checksum over all entries."""
    document = {**document, **entries}
    del document["file_checksum"], document["checksum"]
    content = json.dumps(document, sort_keys=True).encode()
    return {**document, "checksum": checksum({"dataset.json": content})}


def test_manifest_checksum_is_that_of_same_dataset_without_videos(config, full):
    """The bytes of a video depend on the version of PyAV: 18.1.0 and 19.0.2 differ."""
    encoded_otherwise = {**full.parts, "videos/door-00000.mp4": "blake2b:another encoder"}
    shards = {part: known for part, known in full.parts.items() if part.startswith("shards")}
    bare = Manifest(replace(config, videos=0), "fake", shards)
    checksums = {
        full.checksum,
        Manifest(config, "fake", encoded_otherwise).checksum,
        bare.checksum,
        earlier(bare.to_json())["checksum"],  # datasets without videos keep their checksum
    }
    assert len(checksums) == 1


def test_manifest_read_keeps_checksum_of_earlier_version(tmp_path, full):
    """Results and models of that version refer to it."""
    document = earlier(full.to_json())
    (tmp_path / "dataset.json").write_text(json.dumps(document))
    found = Manifest.read(tmp_path)
    assert found.checksum == document["checksum"] != full.checksum
    assert (found.parts, found.config) == (full.parts, full.config)
    found.write(tmp_path)
    assert json.loads((tmp_path / "dataset.json").read_text()) == document
    change(tmp_path, videos={})
    with pytest.raises(DatasetError, match="a changed one"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    "entries", [{"videos": {}}, {"videos": {"door-00000.mp4": {"checksum": "blake2b:other"}}}]
)
def test_manifest_read_rejects_changed_videos(tmp_path, full, entries):
    full.write(tmp_path)
    change(tmp_path, **entries)
    with pytest.raises(DatasetError, match="a changed one"):
        Manifest.read(tmp_path)


def test_manifest_read_rejects_checksum_of_another_dataset(tmp_path, full):
    write_manifest(tmp_path, {**full.to_json(), "checksum": "blake2b:other"})
    with pytest.raises(DatasetError, match="the checksum of another dataset"):
        Manifest.read(tmp_path)


def test_manifest_read_rejects_folder_without_dataset(tmp_path):
    with pytest.raises(DatasetError, match=r"no dataset\.json.*doorlab generate"):
        Manifest.read(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("version", "command"),
    [
        (FORMAT_VERSION + 1, "pip install --upgrade doorlab"),
        (0, "doorlab generate"),
        ("x", "it again"),
    ],
)
def test_manifest_read_names_command_for_other_format_version(tmp_path, full, version, command):
    full.write(tmp_path)
    change(tmp_path, format_version=version)
    with pytest.raises(DatasetError, match=command):
        Manifest.read(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format_version": 1}', "\0\0"])
def test_manifest_read_rejects_corrupt_file(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(DatasetError):
        Manifest.read(tmp_path)


def test_manifest_read_rejects_changed_value(tmp_path, full):
    full.write(tmp_path)
    change(tmp_path, renderer="another")
    with pytest.raises(DatasetError, match="a changed one"):
        Manifest.read(tmp_path)


def test_manifest_of_import_states_its_kind(tmp_path):
    manifest = Manifest(ImportConfig(source="flat", names=("hall", "attic")), "a camera")
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest
    document = manifest.to_json()
    assert (document["kind"], document["arrays"]) == ("imported", ["images", "split"])


def test_manifest_holds_ranges_of_outside_priors_only(tmp_path, config, full):
    assert "prior" not in full.to_json()
    full.prior = {"mass": [28.0, 30.0]}
    full.write(tmp_path)
    assert Manifest.read(tmp_path) == full
    assert full.checksum != Manifest(config, "fake", full.parts).checksum


@pytest.mark.parametrize(
    "change", [{"kind": "dreamt"}, {"arrays": ["images", "smell"]}, {"prior": "no object"}]
)
def test_manifest_read_rejects_other_schema(tmp_path, full, change):
    write_manifest(tmp_path, {**full.to_json(), **change})
    with pytest.raises(DatasetError, match=r"got .*(dreamt|smell|no object).*Generate it again"):
        Manifest.read(tmp_path)
