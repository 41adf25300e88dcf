"""Saving and restoring the state of a reward predictor."""

import os

import pytest
from helpers.predictors import (
    PULL,
    SIZE,
    SLIDE,
    SMALL,
    decisions,
    model_of,
    predictor_of,
    random_frames,
)

from doorlab.errors import CheckpointError
from doorlab.models.io import save_model
from doorlab.robot import RewardPredictor


@pytest.fixture
def run(tmp_path):
    save_model(tmp_path / "run", model_of(), "ssnp", SIZE, SMALL)
    return tmp_path / "run"


def test_reward_predictor_restores_state_bit_for_bit(run, tmp_path):
    predictor, path = RewardPredictor.load(run, seed=1), tmp_path / "door.safetensors"
    predictor.observe(random_frames())
    decisions(predictor, 2)
    predictor.save(path)
    predictor.save(path)  # saving changes nothing, and twice is once
    assert list(tmp_path.glob("*door*")) == [path]
    again = RewardPredictor.load(run, seed=99)
    again.observe(random_frames(seed=8))
    again.restore(path)
    assert again.interactions == predictor.interactions
    assert decisions(again) == decisions(predictor)


@pytest.mark.parametrize("after", [False, True])
def test_reward_predictor_save_is_atomic_under_kill(run, tmp_path, monkeypatch, after):
    path, predictor = tmp_path / "door.safetensors", RewardPredictor.load(run)
    predictor.observe(random_frames())
    predictor.record(PULL, 0.2)
    predictor.save(path)
    predictor.record(SLIDE, 0.7)
    replace = os.replace

    def dying(old, new):
        if after:
            replace(old, new)
        raise Killed

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(Killed):
        predictor.save(path)
    monkeypatch.undo()
    again = RewardPredictor.load(run)
    again.restore(path)
    assert again.interactions == predictor.interactions[: 2 if after else 1]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("harm", ["nothing", "cut", "empty", "generator", "version", "bit"])
def test_reward_predictor_rejects_damaged_state_in_one_line(run, tmp_path, harm):
    path, predictor = tmp_path / "door", predictor_of()
    predictor.save(path)
    predictor.record(PULL, 0.5)
    predictor.save(path)
    data = path.read_bytes()
    harmed = {
        "cut": data[:-4],
        "empty": b"",
        "generator": data.replace(b"PCG64", b"PCG46"),
        "version": data.replace(b'\\"version\\": 2', b'\\"version\\": 3'),
    }
    bit = bytearray(data)
    bit[-9] ^= 4  # in a reward or an action
    harmed["bit"] = bytes(bit)
    assert harmed.get(harm) != data
    if harm == "nothing":
        path.unlink()
    else:
        path.write_bytes(harmed[harm])
    with pytest.raises(CheckpointError) as caught:
        predictor.restore(path)
    assert "\n" not in str(caught.value)
    assert len(predictor.interactions) == 1


def test_reward_predictor_rejects_state_of_other_model(run, tmp_path):
    predictor_of(model_of(seed=1)).save(tmp_path / "state")
    with pytest.raises(
        CheckpointError, match=r"the model with which .* was saved, but got another model"
    ):
        RewardPredictor.load(run).restore(tmp_path / "state")
