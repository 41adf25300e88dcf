"""The familiarity file of a run, and the warnings of the predictor that reads it."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.small_networks import TINY

from doorlab.configs import updated
from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.data.tensors.batches import DoorData, sample_frames_of
from doorlab.learning.familiarity import write_familiarity
from doorlab.models.familiarity import FALSE_ALARMS, load_familiarity
from doorlab.models.io import checksum_of, load_model
from doorlab.robot import RewardPredictor, UnfamiliarDoorWarning
from doorlab.run_layout import FAMILIARITY_FILE
from doorlab.stages import train

FRAMES = 4


class MeanColors(torch.nn.Module):
    """An embedding that is the mean color of all frames."""

    def embed(self, x):
        return x.mean(dim=(1, 3, 4))


def painted(count, red, seed):
    """Frames of one color each, which differs from door to door and from frame to frame."""
    rng = np.random.default_rng(seed)
    colors = rng.normal((red, 100, 100), 10, (count, 1, 3)) + rng.normal(0, 20, (count, FRAMES, 3))
    images = np.broadcast_to(colors[..., None, None], (count, FRAMES, 3, 4, 4)).clip(0, 255)
    return DoorData(
        images=torch.from_numpy(images.astype(np.uint8).copy()),
        joint_position=torch.zeros(count, FRAMES),
        actions=torch.zeros(count, 0, 4),
        rewards=torch.zeros(count, 0),
        optimal_reward=torch.zeros(count),
        indices=torch.arange(count),
    )


def embedded(doors, frames):
    """By some of their frames."""
    rows, generator = torch.arange(len(doors)), torch.Generator().manual_seed(9)
    return MeanColors().embed(sample_frames_of(doors, rows, frames, generator)).numpy()


def test_familiarity_thresholds_are_measured_per_number_of_frames(tmp_path):
    model, config = MeanColors(), train.Config(out=tmp_path)
    write_familiarity(config, model, painted(500, 100, 0), painted(100, 100, 1), "narrow")
    known = load_familiarity(tmp_path, checksum_of(model))
    assert known.doors == "doors of the prior narrow"
    assert list(known.thresholds) == sorted(known.thresholds, reverse=True)
    assert len(known.thresholds) == FRAMES
    for frames in (1, FRAMES):
        alike, strange = (painted(1000, red, 2) for red in (100, 220))
        alarms = (known.distance(embedded(alike, frames)) > known.threshold(frames)).mean()
        assert alarms == pytest.approx(FALSE_ALARMS, abs=0.03)
        assert (known.distance(embedded(strange, frames)) > known.threshold(frames)).mean() > 0.9


def test_familiarity_needs_enough_held_out_doors(tmp_path):
    (tmp_path / FAMILIARITY_FILE).write_text("of an earlier run")
    for held_out in (painted(19, 100, 1), None):
        model, config = MeanColors(), train.Config(out=tmp_path)
        write_familiarity(config, model, painted(50, 100, 0), held_out, "narrow")
        assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    config = GenerationConfig(
        doors=60, frames=3, interactions=8, image_size=32, validation_fraction=0.5,
        test_fraction=0.1, videos=0, simulator="torch",
    )  # fmt: skip
    path = tmp_path_factory.mktemp("doors") / "dataset"
    write_dataset(path, config)
    return path


@pytest.fixture(scope="module")
def config(data, tmp_path_factory):
    return updated(
        train.Config(),
        model="np",
        data=data,
        out=tmp_path_factory.mktemp("runs") / "run",
        steps=6,
        batch_size=4,
        frames=3,
        context=3,
        targets=5,
        architecture=TINY,
        device="cpu",
        checkpoint_every=3,
        validate_every=3,
    )


@pytest.fixture(scope="module")
def run(config):
    return train.run(config)


def warned(predictor, frames):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        predictor.observe(frames)
    assert all(one.category is UnfamiliarDoorWarning for one in found)
    return [str(one.message) for one in found]


def test_reward_predictor_warns_of_unfamiliar_doors(run, data):
    dataset = DoorDataset.open(data)
    doors = dataset.read("images", dataset.indices("validation"))
    predictor = RewardPredictor.load(run)
    assert sum(len(warned(predictor, frames)) for frames in doors) <= 1
    strange = np.random.default_rng(0).integers(0, 256, doors[0].shape, np.uint8)
    (message,) = warned(predictor, strange)
    assert "unlike the doors of the prior narrow of the model's training" in message
    assert "98% of those are nearer" in message
    assert warned(predictor, strange) == [message]  # once for every look
    predictor.suggest()  # a warning is no refusal


def test_reward_predictor_without_familiarity_file_never_warns(run, tmp_path):
    for name in ("model.json", "weights.safetensors"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    strange = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    assert warned(RewardPredictor.load(tmp_path), strange) == []


def test_familiarity_is_equal_after_resume(config, run, tmp_path):
    again = replace(config, out=tmp_path / "again")
    train.run(updated(again, stop_after=4))
    train.run(replace(again, resume=True))
    assert (again.out / FAMILIARITY_FILE).read_bytes() == (run / FAMILIARITY_FILE).read_bytes()


def test_familiarity_of_online_run_uses_streamed_doors(tmp_path, monkeypatch):
    # Constants: as many doors as usual would take minutes.
    monkeypatch.setattr("doorlab.learning.familiarity._FRESH_DOORS", 30)
    monkeypatch.setattr("doorlab.learning.familiarity._HELD_OUT_DOORS", 20)
    config = updated(
        train.Config(),
        model="np",
        online=True,
        out=tmp_path / "run",
        steps=3,
        batch_size=4,
        frames=2,
        sequence_length=3,
        image_size=32,
        validation_doors=0,
        context=2,
        targets=3,
        architecture=TINY,
        device="cpu",
    )
    out = train.run(config)
    known = load_familiarity(out, checksum_of(load_model(out)))
    assert known.doors == "doors of the prior narrow"
    assert len(known.thresholds) == 3
