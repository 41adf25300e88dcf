import json

import pytest
import torch
from safetensors.numpy import load_file

from doorlab.errors import CheckpointError
from doorlab.models.description import read_description, sealed
from doorlab.models.io import load_model, save_model, weights_checksum
from doorlab.models.registry import ENCODERS, REWARD_MODELS, build_model


def saved(tmp_path, small, kind="np"):
    torch.manual_seed(0)
    model = build_model(kind, 32, small)
    save_model(tmp_path, model, kind, 32, small, seed=4, dataset_checksum="blake2b:1")
    return model


@pytest.mark.parametrize("kind", sorted((*ENCODERS, *REWARD_MODELS)))
def test_load_model_restores_saved_model(tmp_path, small, kind, frames):
    model = saved(tmp_path, small, kind).eval()
    found = load_model(tmp_path, expect=kind)
    assert not found.training
    torch.testing.assert_close(found.embed(frames), model.embed(frames))


def rewrite(folder, about):
    """Another content, with the checksum that it has."""
    (folder / "model.json").write_text(json.dumps(sealed(about)))


def test_saved_model_is_readable_without_doorlab(tmp_path, small):
    model = saved(tmp_path, small)
    weights = load_file(tmp_path / "weights.safetensors")
    assert weights.keys() == model.state_dict().keys()
    about = json.loads((tmp_path / "model.json").read_text())
    assert (about["kind"], about["image_size"], about["seed"]) == ("np", 32, 4)
    assert about["dataset_checksum"] == "blake2b:1"


def test_load_model_rejects_other_kind(tmp_path, small):
    saved(tmp_path, small)
    with pytest.raises(CheckpointError, match=r"Expected a ssnp in .*, but got a np. Give the run"):
        load_model(tmp_path, expect="ssnp")


def test_load_model_rejects_empty_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.json"):
        load_model(tmp_path)


@pytest.mark.parametrize("damage", ["no weights", "cut weights", "other sizes", "no json", "kind"])
def test_load_model_rejects_damage_in_one_line(tmp_path, small, damage):
    saved(tmp_path, small)
    weights = tmp_path / "weights.safetensors"
    content = json.loads((tmp_path / "model.json").read_text())
    if damage == "no weights":
        weights.unlink()
    elif damage == "cut weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "other sizes":
        content["architecture"]["features"] = 24
    elif damage == "kind":
        content["kind"] = "transformer"
    rewrite(tmp_path, content)
    if damage == "no json":
        (tmp_path / "model.json").write_text("{")
    with pytest.raises(CheckpointError) as error:
        load_model(tmp_path)
    assert "\n" not in str(error.value)


def test_load_model_of_earlier_version_has_default_of_added_setting(tmp_path, small, frames):
    model = saved(tmp_path, small).eval()
    content = json.loads((tmp_path / "model.json").read_text())
    del content["architecture"]["contrast_frames"]
    rewrite(tmp_path, content)
    torch.testing.assert_close(load_model(tmp_path).embed(frames), model.embed(frames))
    assert read_description(tmp_path).architecture.contrast_frames == 1
    del content["architecture"]["features"]  # no size of a network has a default
    rewrite(tmp_path, content)
    with pytest.raises(CheckpointError, match="'features'"):
        load_model(tmp_path)


def places(data):
    """In the header, in the first and the last tensor, and in between."""
    return [*range(0, 400, 37), *range(400, len(data), len(data) // 20), len(data) - 1]


@pytest.mark.parametrize("zeros", [0, 64])
def test_load_model_rejects_weights_with_other_checksum(tmp_path, small, zeros):
    saved(tmp_path, small)
    weights = tmp_path / "weights.safetensors"
    whole = weights.read_bytes()
    for place in places(whole):
        data = bytearray(whole)
        if zeros:
            data[place : place + zeros] = bytes(len(data[place : place + zeros]))
        else:
            data[place] ^= 4
        if data == whole:
            continue
        weights.write_bytes(data)
        for read in (load_model, weights_checksum):
            with pytest.raises(
                CheckpointError, match=r"the weights with the checksum of model\.json in"
            ):
                read(tmp_path)
    weights.write_bytes(whole)
    assert load_model(tmp_path)


def test_read_description_detects_every_changed_byte(tmp_path, small):
    saved(tmp_path, small)
    file = tmp_path / "model.json"
    whole = file.read_bytes()
    content = json.loads(whole)
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 1
        file.write_bytes(data)
        try:
            assert read_description(tmp_path).document == content  # white space
        except CheckpointError:
            continue


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": ["ssnp"]}, r"kind as \['ssnp'\], not a text"),
        ({"image_size": float("inf")}, "the number Infinity"),
        ({"image_size": 1e400}, "the number Infinity"),
        ({"image_size": True}, "image_size as True, not a whole number"),
        ({"image_size": 32.0}, "image_size as 32.0, not a whole number"),
        ({"seed": "x"}, "seed as 'x', not a whole number"),
        ({"seed": -1}, "seed as -1"),
        ({"architecture": []}, "architecture as"),
    ],
)
def test_load_model_rejects_invalid_description_in_one_line(tmp_path, small, changes, words):
    saved(tmp_path, small)
    rewrite(tmp_path, json.loads((tmp_path / "model.json").read_text()) | changes)
    with pytest.raises(CheckpointError, match=words) as error:
        load_model(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_load_model_rejects_folder_in_place_of_file(tmp_path, small, name):
    saved(tmp_path, small)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(CheckpointError, match=f"Expected a file .*{name}, but got a folder"):
        load_model(tmp_path)
