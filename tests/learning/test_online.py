"""Training on fresh doors: as a user starts it, stops it, kills it and goes on."""

import json
import signal
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from helpers.small_networks import TINY
from lightning_fabric import Fabric
from safetensors.torch import load_file

from doorlab.configs import updated
from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.data.tensors.stream import StreamSpec
from doorlab.errors import CheckpointError, ConfigError, ResultError
from doorlab.evaluation.trained_model import TrainedModel
from doorlab.learning import online
from doorlab.learning.online import OnlineDataLoader, StreamSchedule
from doorlab.stages import pretrain, train

COMMON = {
    "online": True, "image_size": 32, "sequence_length": 4, "frames": 2, "validation_doors": 5,
    "architecture": TINY, "device": "cpu", "checkpoint_every": 5, "log_every": 4,
    "validate_every": 10,
}  # fmt: skip


@pytest.fixture
def frames_config(tmp_path):
    return updated(pretrain.Config(), out=tmp_path / "run", steps=20, batch_size=4, **COMMON)


@pytest.fixture
def rewards_config(tmp_path):
    """Seven encoder steps and thirteen process steps: both within a portion."""
    return updated(
        train.Config(),
        out=tmp_path / "run",
        steps=20,
        batch_size=4,
        unlabeled_batch_size=2,
        process__batch_size=6,
        context=2,
        targets=3,
        encoder_fraction=0.35,
        **COMMON,
    )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    config = GenerationConfig(
        doors=12, frames=4, interactions=6, image_size=32, validation_fraction=0.3,
        test_fraction=0.3, videos=0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("doors") / "dataset"
    write_dataset(path, config)
    return path


def weights(run):
    return load_file(run / "weights.safetensors")


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def assert_same_weights(a, b):
    a, b = weights(a), weights(b)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_pretrain_online_needs_no_dataset(frames_config):
    out = pretrain.run(frames_config)
    metrics = metrics_of(out)
    assert (metrics["online"], metrics["dataset_checksum"]) == (True, None)
    assert metrics["provenance"]["simulator"] == "torch"
    assert metrics["metrics"]["doors_seen"] == 80
    assert 0 <= metrics["metrics"]["waiting_share"] <= 1
    assert 0 < metrics["metrics"]["drawing_share"] <= 1
    assert metrics["metrics"]["validation_reconstruction_mse"]["n"] == 5
    assert [r["step"] for r in metrics["history"]["validation"]] == [10, 20]
    about = json.loads((out / "model.json").read_text())
    assert about["online"] == {"prior": "narrow", "simulator": "torch"}
    assert about["dataset_checksum"] is None


def test_online_model_works_with_datasets(rewards_config, recorded):
    out = train.run(rewards_config)
    dataset = DoorDataset.open(recorded)
    model = TrainedModel.open(out, dataset)
    assert model.kind == "ssnp"
    assert np.isfinite(model.embed(dataset.read("images"))).all()
    figures = metrics_of(out)["metrics"]
    assert figures["doors_seen"] == 7 * (4 + 2) + 13 * 6
    assert figures["validation_reward_mse_after_0"]["n"] == 5


@pytest.mark.parametrize("kind", ["ssnp", "np", "vae_np"])
def test_online_training_resumes_bit_for_bit(rewards_config, frames_config, tmp_path, kind):
    config = updated(rewards_config, model=kind)
    if kind == "vae_np":
        base = updated(frames_config, model="vae", out=tmp_path / "vae", steps=2)
        config = updated(config, pretrained=pretrain.run(base))
    train.run(updated(config, out=tmp_path / "whole"))
    for stop in (5, 11):  # while looking, while trying, and in the middle of portions
        train.run(updated(config, stop_after=stop, resume=stop > 5))
    torch.manual_seed(77)
    train.run(updated(config, resume=True))
    assert_same_weights(config.out, tmp_path / "whole")
    a, b = metrics_of(config.out), metrics_of(tmp_path / "whole")
    assert a["history"] == b["history"]
    assert a["metrics"]["doors_seen"] == b["metrics"]["doors_seen"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_pretrain_online_command_survives_signals(frames_config, tmp_path, number, signalled):
    config = updated(frames_config, steps=60, architecture=replace(TINY, features=64))
    whole = pretrain.run(updated(config, out=tmp_path / "whole"))
    status, _ = signalled("pretrain", config, number)
    assert status in (-signal.SIGKILL if number == signal.SIGKILL else 130, 0)
    assert (config.out / "metrics.json").exists() == (status == 0)
    assert_same_weights(pretrain.run(updated(config, resume=True)), whole)


def test_online_training_runs_in_two_processes(rewards_config):
    out = train.run(updated(rewards_config, devices=2, steps=3, validate_every=2))
    assert metrics_of(out)["metrics"]["doors_seen"] == 2 * (4 + 2) + 6


def at(config, step, rank=0, processes=1, doors=4):
    fabric = Mock(spec=Fabric, global_rank=rank, world_size=processes, device=torch.device("cpu"))
    schedule = StreamSchedule(StreamSpec("frames", doors, 2, 3), range(config.steps))
    with OnlineDataLoader(config, fabric, [schedule]) as source:
        return source.at(step, schedule)


def test_online_doors_differ_per_step_and_process(frames_config):
    whole = [at(frames_config, step) for step in range(3)]
    halves = [at(frames_config, 1, rank, processes=2) for rank in (0, 1)]
    assert torch.equal(torch.cat([half.images for half in halves]), whole[1].images)
    everything = torch.cat([doors.images for doors in whole]).flatten(1)
    assert len(torch.unique(everything, dim=0)) == 12


def test_online_doors_are_independent_of_portion_size(frames_config, monkeypatch):
    before = [at(frames_config, step) for step in (0, 17, 19)]
    # A constant: no run of a test fills a portion.
    monkeypatch.setattr(online, "_PORTION_PIXELS", 3 * 4 * 2 * 32**2)
    for a, step in zip(before, (0, 17, 19), strict=True):
        b = at(frames_config, step)
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.rewards, b.rewards)


def test_online_validation_uses_dataset_where_given(rewards_config, recorded):
    config = updated(rewards_config, steps=2, data=recorded)
    recorded_doors = train.run(config)
    dataset = DoorDataset.open(recorded)
    figures = metrics_of(recorded_doors)["metrics"]
    assert figures["validation_reward_mse_after_0"]["n"] == len(dataset.indices("validation"))
    rewards = dataset.read("rewards", dataset.indices("validation"))
    assert figures["validation_reward_variance"] == pytest.approx(rewards.var(ddof=1), rel=1e-4)
    with pytest.raises(ConfigError, match=r"--image-size 32, as in .*, but got 64"):
        train.run(updated(config, image_size=64, overwrite=True))


def test_online_validation_doors_are_independent_of_seed(frames_config):
    device = torch.device("cpu")
    a, b = (
        online.load_validation(updated(frames_config, seed=seed), None, device, 3)
        for seed in (0, 1)
    )
    assert a is not None
    assert b is not None
    assert torch.equal(a.images, b.images)
    assert a.images.shape == (5, 4, 3, 32, 32)
    assert not torch.equal(at(frames_config, 0).images[0, 0], a.images[0, 0])
    none = updated(frames_config, validation_doors=0)
    assert online.load_validation(none, None, device) is None


def test_online_training_protects_earlier_runs(frames_config, recorded):
    pretrain.run(updated(frames_config, stop_after=5))
    with pytest.raises(ResultError, match="one that was stopped"):
        pretrain.run(frames_config)
    with pytest.raises(CheckpointError, match=r"--stream.prior \(narrow there, default here\)"):
        pretrain.run(updated(frames_config, resume=True, prior="default"))
    with pytest.raises(CheckpointError, match=r"--online \(True there, None here\)"):
        pretrain.run(updated(frames_config, resume=True, online=False, data=recorded))
    done = pretrain.run(updated(frames_config, resume=True))
    pretrain.run(updated(frames_config, resume=True))  # is done: nothing to do
    with pytest.raises(ConfigError, match="--sequence-length"):
        pretrain.run(updated(frames_config, overwrite=True, frames=5))
    assert (done / "metrics.json").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prior": "narow"}, "Did you mean 'narrow'"),
        ({"frames": 5}, "--frames from 1 to the 4 of a sequence"),
        ({"image_size": 4}, "--stream.image-size as a whole number from 8"),
        ({"doors": 7}, "no --doors with --online"),
    ],
)
def test_online_training_rejects_invalid_settings_in_one_line(frames_config, changes, words):
    with pytest.raises(ConfigError, match=words) as caught:
        pretrain.run(updated(frames_config, **changes))
    assert "\n" not in str(caught.value)
    assert not frames_config.out.exists()


def test_pretrain_command_parses_online_options(tmp_path):
    from doorlab import cli

    args = ["--online", "--prior", "wild", "--image-size", "32", "--steps", "9"]
    config = cli.parse(pretrain, "pretrain", args)
    assert (config.online, config.data) == (True, None)
    assert (config.stream.prior, config.stream.image_size) == ("wild", 32)
