"""Images on disk and in memory lead to the same weights, to the bit."""

from __future__ import annotations

import json
import shutil
import signal
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers.object_stores import serving
from helpers.small_networks import TINY
from safetensors.torch import load_file

from doorlab import cli
from doorlab.configs import updated
from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.data.tensors.augmentation import random_mirror
from doorlab.data.tensors.batches import sample_frames
from doorlab.data.tensors.images import ImagesOnDisk
from doorlab.errors import ConfigError
from doorlab.learning import training_doors
from doorlab.learning.pretraining_set import PretrainingSet
from doorlab.learning.training_doors import load_training_doors
from doorlab.stages import pretrain, train
from doorlab.training import make_fabric
from doorlab.training.loop import generator_for

SMALL = {
    "steps": 12, "batch_size": 4, "frames": 3, "architecture": TINY, "device": "cpu",
    "checkpoint_every": 4, "log_every": 4, "validate_every": 6,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    config = GenerationConfig(
        doors=40, frames=4, interactions=8, image_size=32, prior="narrow", shard_doors=16,
        action_mix="plausible", validation_fraction=0.2, test_fraction=0.2, videos=0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("doors") / "dataset"
    write_dataset(path, config, workers=1)
    return path


@pytest.fixture
def configs(data, tmp_path):
    """Stage -> its config, with few steps."""
    common = {**SMALL, "data": data, "out": tmp_path / "run"}
    reward = {"num_labeled": 10, "unlabeled_batch_size": 4, "context": 3, "targets": 5}
    return {
        pretrain: updated(pretrain.Config(), model="statistician", **common),
        train: updated(train.Config(), model="ssnp", **common, **reward),
    }


def files(run):
    """Tensors of all files with weights and statistics."""
    return {path.name: load_file(path) for path in run.glob("*.safetensors")}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].keys() == second[name].keys()
        assert all(torch.equal(first[name][key], second[name][key]) for key in first[name])


def run_in(stage, config, out, keep_in_memory, **changes):
    return stage.run(updated(config, out=out, keep_in_memory=keep_in_memory, **changes))


@pytest.mark.parametrize(
    ("stage", "model"),
    [
        (pretrain, "statistician"), (pretrain, "supervised"), (pretrain, "pca"),
        (train, "ssnp"), (train, "np"),
    ],
)  # fmt: skip
def test_training_on_disk_has_weights_and_history_of_training_in_memory(
    configs, tmp_path, stage, model
):
    config = updated(configs[stage], model=model)
    if model == "pca":
        config = updated(config, steps=0, architecture=replace(TINY, encoder_resolution=8))
    before = threading.active_count()
    runs = [run_in(stage, config, tmp_path / choice, choice) for choice in ("always", "never")]
    assert threading.active_count() == before
    assert_same(*map(files, runs))
    metrics = [json.loads((run / "metrics.json").read_text()) for run in runs]
    assert metrics[0]["history"] == metrics[1]["history"]
    assert metrics[0]["settings"] == metrics[1]["settings"]


@pytest.mark.parametrize("choice", ["always", "never"])
@pytest.mark.parametrize("mirror", [False, True])
def test_batch_that_waits_has_stored_images(configs, choice, mirror):
    """It takes one byte per value; the loss sees the floats that the images stand for."""
    config = updated(configs[pretrain], keep_in_memory=choice)
    dataset = DoorDataset.open(config.data)
    doors = load_training_doors(config, make_fabric("cpu"), dataset)
    generator = generator_for(0, "batch", 0)
    (waiting,) = PretrainingSet(doors).batch(3, mirror, 0, generator, 4)
    assert waiting.dtype == torch.uint8
    assert waiting.untyped_storage().nbytes() == 4 * 3 * 3 * 32 * 32
    model = SimpleNamespace(loss=lambda frames: (frames.mean(), {"frames": frames}))
    seen = pretrain._loss(model, (waiting,))[1]["frames"]
    generator = generator_for(0, "batch", 0)
    expected = sample_frames(doors, 4, 3, generator)
    expected = random_mirror(expected, generator) if mirror else expected
    assert torch.equal(seen, expected)


@pytest.mark.parametrize("stage", [pretrain, train])
@pytest.mark.parametrize("choices", [("never", "always"), ("always", "never")])
def test_stopped_run_resumes_with_other_choice_bit_for_bit(configs, tmp_path, stage, choices):
    config = configs[stage]
    whole = run_in(stage, config, tmp_path / "whole", choices[0])
    run_in(stage, config, tmp_path / "parts", choices[0], stop_after=3)
    parts = run_in(stage, config, tmp_path / "parts", choices[1], resume=True)
    assert_same(files(parts), files(whole))


@pytest.mark.parametrize("choice", ["always", "never"])
def test_training_by_url_has_weights_of_training_in_folder(configs, tmp_path, monkeypatch, choice):
    """A run is stopped, and continued with the URL of its dataset."""
    config = configs[pretrain]
    whole = run_in(pretrain, config, tmp_path / "whole", "always")
    run_in(pretrain, config, tmp_path / "parts", "never", stop_after=3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with serving(config.data.parent.parent) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
        url = f"s3://{config.data.parent.name}/{config.data.name}"
        config = updated(config, data=Path(url), resume=True)
        parts = run_in(pretrain, config, tmp_path / "parts", choice)
    assert_same(files(parts), files(whole))
    assert json.loads((parts / "metrics.json").read_text())["config"]["data"] == url


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_run_on_disk_survives_signals(configs, tmp_path, number, signalled):
    """A process that reads from disk is killed or interrupted, and resumed in memory."""
    config = updated(
        configs[pretrain], model="vae", steps=60, architecture=replace(TINY, features=64)
    )
    whole = run_in(pretrain, config, tmp_path / "whole", "always")
    config = updated(config, out=tmp_path / "parts", keep_in_memory="never")
    status, said = signalled("pretrain", config, number)
    if status != 0:  # otherwise the run was faster than the signal
        assert status == (-signal.SIGKILL if number == signal.SIGKILL else 130)
        assert number == signal.SIGKILL or b"Continue with --resume" in said
    parts = run_in(pretrain, config, tmp_path / "parts", "always", resume=True)
    assert_same(files(parts), files(whole))


def test_damaged_door_ends_training_with_one_sentence(configs, tmp_path, monkeypatch, capsys):
    """The chunk of one door is damaged; the steps before it are trained, the repaired run ends."""
    whole = run_in(pretrain, configs[pretrain], tmp_path / "whole", "always")
    data = tmp_path / "copy"
    shutil.copytree(configs[pretrain].data, data)
    config = updated(configs[pretrain], data=data, keep_in_memory="never")
    shard, row, step = first_drawn_late(DoorDataset.open(data), config)
    chunk = data / f"shards/shard-{shard:05}/images/c/0/0/0/0/0"
    intact = chunk.read_bytes()
    chunk.write_bytes(damaged(intact, row, doors=min(16, 40 - 16 * shard)))
    before = threading.active_count()
    monkeypatch.setattr(cli, "parse", lambda stage, name, args: config)
    assert cli.main(["pretrain"]) == 2
    said = capsys.readouterr().err
    assert threading.active_count() == before
    assert "Traceback" not in said
    error = [line for line in said.splitlines() if line.startswith("doorlab: error:")]
    assert len(error) == 1
    assert f"shard-{shard:05} of {data} to be intact" in error[0]
    assert "doorlab generate" in error[0]
    assert step >= config.monitor.checkpoint_every
    assert (config.out / "checkpoint.safetensors").exists()
    chunk.write_bytes(intact)
    assert_same(files(run_in(pretrain, config, config.out, "never", resume=True)), files(whole))


def first_drawn_late(dataset, config):
    """(shard, row in the shard, step) of the training door that is drawn last, and when."""
    doors, first = dataset.indices("train"), {}
    for step in range(config.steps):
        generator = generator_for(config.seed, "batch", step, 0)
        for row in torch.randint(len(doors), (config.batch_size,), generator=generator).tolist():
            first.setdefault(int(doors[row]), step)
    door = max(first, key=lambda door: first[door])
    return *divmod(door, 16), first[door]


def damaged(chunks: bytes, row: int, doors: int) -> bytes:
    """A shard file with one other byte in the middle of the chunk of a door."""
    index = chunks[-16 * doors - 4 :]
    offset, length = (
        int.from_bytes(index[16 * row + at : 16 * row + at + 8], "little") for at in (0, 8)
    )
    middle = offset + length // 2
    return chunks[:middle] + bytes([chunks[middle] ^ 255]) + chunks[middle + 1 :]


@pytest.mark.parametrize(
    ("choice", "free", "on_disk"),
    [
        ("auto", 10**12, False), ("auto", None, False), ("auto", 0.99, True),
        ("auto", 1.01, False), ("always", 0, False), ("never", 10**12, True),
    ],
)  # fmt: skip
def test_images_are_kept_in_memory_where_they_fit(
    configs, monkeypatch, capsys, choice, free, on_disk
):
    dataset = DoorDataset.open(configs[pretrain].data)
    size = len(dataset.indices("train")) * 4 * 3 * 32 * 32
    if isinstance(free, float):
        free = int(2 * size * free)
    monkeypatch.setattr(training_doors, "available_memory", lambda: free)
    config = updated(configs[pretrain], keep_in_memory=choice)
    doors = load_training_doors(config, make_fabric("cpu"), dataset)
    assert isinstance(doors.images, ImagesOnDisk) == on_disk
    said = capsys.readouterr().err
    assert said.count("read from disk during training") == on_disk
    assert said.count("\n") == on_disk


def test_limit_of_doors_counts_for_memory(configs, monkeypatch):
    dataset = DoorDataset.open(configs[pretrain].data)
    monkeypatch.setattr(training_doors, "available_memory", lambda: 2 * 5 * 4 * 3 * 32 * 32)
    fabric = make_fabric("cpu")
    for limit, on_disk in ((5, False), (6, True)):
        doors = load_training_doors(configs[pretrain], fabric, dataset, limit)
        assert isinstance(doors.images, ImagesOnDisk) == on_disk
        assert len(doors) == limit


def test_config_rejects_unknown_choice():
    with pytest.raises(ConfigError, match=r"always, auto, never, but got 'maybe'"):
        pretrain.Config(keep_in_memory="maybe")
