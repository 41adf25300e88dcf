import json

import pytest
import torch
from safetensors.numpy import load_file

from doorlab.errors import CheckpointError
from doorlab.models.io import load_model, save_model
from doorlab.models.registry import PRETRAINED, REWARD_MODELS, build_model


def saved(tmp_path, small, kind="np"):
    torch.manual_seed(0)
    model = build_model(kind, 32, small)
    save_model(tmp_path, model, kind, 32, small, seed=4, dataset_checksum="blake2b:1")
    return model


@pytest.mark.parametrize("kind", sorted({**PRETRAINED, **REWARD_MODELS}))
def test_what_is_written_is_read(tmp_path, small, kind, frames):
    model = saved(tmp_path, small, kind).eval()
    found = load_model(tmp_path, expect=kind)
    assert not found.training
    torch.testing.assert_close(found.embed(frames), model.embed(frames))


def test_the_files_can_be_read_without_doorlab(tmp_path, small):
    model = saved(tmp_path, small)
    weights = load_file(tmp_path / "weights.safetensors")
    assert weights.keys() == model.state_dict().keys()
    about = json.loads((tmp_path / "model.json").read_text())
    assert (about["kind"], about["image_size"], about["seed"]) == ("np", 32, 4)
    assert about["dataset_checksum"] == "blake2b:1"


def test_a_model_from_before_there_were_layers_has_one(tmp_path, small, frames):
    model = saved(tmp_path, small, "statistician").eval()
    about = json.loads((tmp_path / "model.json").read_text())
    for name in ("instance_layers", "free_nats"):
        del about["architecture"][name]
    (tmp_path / "model.json").write_text(json.dumps(about))
    torch.testing.assert_close(load_model(tmp_path).reconstruct(frames), model.reconstruct(frames))


def test_another_kind_is_refused(tmp_path, small):
    saved(tmp_path, small)
    with pytest.raises(CheckpointError, match=r"expected a ssnp in .*; got a np; give the run"):
        load_model(tmp_path, expect="ssnp")


def test_nothing_there(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.json"):
        load_model(tmp_path)


@pytest.mark.parametrize("damage", ["no weights", "cut weights", "other sizes", "no json", "kind"])
def test_damage_is_one_line(tmp_path, small, damage):
    saved(tmp_path, small)
    weights, about = tmp_path / "weights.safetensors", tmp_path / "model.json"
    content = json.loads(about.read_text())
    if damage == "no weights":
        weights.unlink()
    elif damage == "cut weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "other sizes":
        content["architecture"]["features"] = 24
    elif damage == "kind":
        content["kind"] = "transformer"
    about.write_text("{" if damage == "no json" else json.dumps(content))
    with pytest.raises(CheckpointError) as error:
        load_model(tmp_path)
    assert "\n" not in str(error.value)
