import json

import pytest
from helpers.altered_runs import write_manifest

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
