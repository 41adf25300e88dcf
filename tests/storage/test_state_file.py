import json
import os

import numpy as np
import pytest
import torch
from safetensors import safe_open

from doorlab.errors import CheckpointError
from doorlab.storage.state_file import load_state, save_state


def make():
    return {
        "weights": {"a.b": torch.arange(6.0).view(2, 3), "half": torch.ones(2).bfloat16()},
        "moments": {0: {"step": torch.tensor(3.0)}, 1: {}},
        "records": [{"loss": 0.1, "odd": float("nan"), "most": float("inf")}, {"step": 3}],
        "array": np.arange(4, dtype=np.int16)[::-1],
        "generator": np.random.default_rng(7),
        "none": None,
        "$dollar": True,
    }


def load(path):
    return load_state(path, "thing", 1, "make it again")


def test_state_file_round_trips_values(tmp_path):
    state, path = make(), tmp_path / "state"
    save_state(path, "thing", 1, state)
    found = load(path)
    assert found.keys() == state.keys()
    for name, tensor in state["weights"].items():
        assert torch.equal(found["weights"][name], tensor)
        assert found["weights"][name].dtype == tensor.dtype
    assert found["moments"].keys() == {0, 1}
    assert torch.equal(found["moments"][0]["step"], torch.tensor(3.0))
    first, second = found["records"]
    assert first["loss"] == 0.1
    assert np.isnan(first["odd"])
    assert first["most"] == float("inf")
    assert second == {"step": 3}
    np.testing.assert_array_equal(found["array"], state["array"])
    assert found["array"].dtype == np.int16
    assert found["generator"].random() == np.random.default_rng(7).random()
    assert found["none"] is None
    assert found["$dollar"] is True


def test_state_file_is_readable_safetensors_and_deterministic(tmp_path):
    for name in ("a", "b"):
        save_state(tmp_path / name, "thing", 1, make())
    with safe_open(tmp_path / "a", framework="np") as file:
        header = json.loads(file.metadata()["doorlab"])
        np.testing.assert_array_equal(file.get_tensor("moments.0.step"), 3.0)
    assert (header["kind"], header["version"]) == ("thing", 1)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("damage", [0x40, None])
def test_load_state_detects_every_damaged_byte(tmp_path, damage):
    """For each position a flipped bit, and a run of zeros."""
    path = tmp_path / "state"
    save_state(path, "thing", 1, {"w": torch.arange(3.0), "step": 7})
    whole = path.read_bytes()
    for place in range(len(whole)):
        data = bytearray(whole)
        if damage is None:
            data[place : place + 64] = bytes(len(data[place : place + 64]))
        else:
            data[place] ^= damage
        if data == whole:
            continue
        path.write_bytes(data)
        with pytest.raises(CheckpointError, match=r"an intact thing in .*. Make it again"):
            load(path)


@pytest.mark.parametrize("length", [0, 3, 8, 40, -1])
def test_load_state_rejects_truncated_file(tmp_path, length):
    path = tmp_path / "state"
    save_state(path, "thing", 1, make())
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match="a damaged one"):
        load(path)


def test_load_state_rejects_other_kind_and_version(tmp_path):
    path = tmp_path / "state"
    save_state(path, "thing", 2, make())
    with pytest.raises(CheckpointError, match=r"a thing of format 2, not 1\. Make it again"):
        load(path)
    save_state(path, "other", 1, make())
    with pytest.raises(CheckpointError, match=r"Expected a thing in .*, but got a other"):
        load(path)


def test_load_state_distinguishes_unreadable_from_damaged(tmp_path, monkeypatch):
    """Nothing that deletes a good file is advised when the disk or a permission is at fault."""
    with pytest.raises(CheckpointError, match=r"got none\. Check the path, or make it again"):
        load(tmp_path / "absent")
    with pytest.raises(CheckpointError, match=r"got a folder\. Move the folder elsewhere"):
        load(tmp_path)
    path = tmp_path / "state"
    save_state(path, "thing", 1, make())
    for number, words in ((13, "permission to read .*chmod u\\+r"), (5, "Check the disk")):

        def refuse(*_, number=number, **__):
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr("pathlib.Path.read_bytes", refuse)
            with pytest.raises(CheckpointError, match=words) as caught:
                load(path)
        assert "make it again" not in str(caught.value)
