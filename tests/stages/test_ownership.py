"""All stages: output folders are locked, and files are replaced only if requested."""

from __future__ import annotations

import importlib
import os
from dataclasses import replace

import pytest
from helpers.fake_simulator import make_fake
from helpers.small_networks import TINY

from doorlab.cli import command_module
from doorlab.configs import updated
from doorlab.data import GenerationConfig, write_dataset
from doorlab.errors import DoorlabError, ResultError
from doorlab.stages import pretrain
from doorlab.storage.folders import output_folder
from doorlab.storage.locking import LOCK_FILE

# Stage -> the files that it writes, the one that says that it is finished first.
FILES = {
    "pretrain": ("metrics.json", "model.json", "weights.safetensors", "checkpoint.safetensors"),
    "train": ("metrics.json", "model.json", "weights.safetensors", "checkpoint.safetensors"),
    "bandit": ("regret.json", "rollouts.npz"),
    "probe": ("probes.json", "probes.npz"),
    "diagnose": ("diagnosis.json",),
    "plot": ("plot.json", "gallery.png", "gallery.npz", "regret.png"),
    "report": ("index.html",),
}
COMPOSED = ("demo", "study", "represent")


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """A dataset of as few doors as can be trained on."""
    path = tmp_path_factory.mktemp("doors") / "dataset"
    config = GenerationConfig(
        doors=6, frames=2, interactions=6, image_size=32, simulator="fake", videos=0,
        validation_fraction=0.2, test_fraction=0.2,
    )  # fmt: skip
    write_dataset(path, config, simulator=make_fake)
    return path


@pytest.fixture
def command(painted_run, painted_dataset, doors, tmp_path):
    """Runs a stage with --out OUT, on painted doors."""

    def run(stage, **changes):
        module = importlib.import_module(command_module(stage))
        config = replace(module.Config(), out=tmp_path / "out", **changes)
        if stage in ("plot", "report"):
            config = replace(config, runs=(painted_run,))
        elif stage == "represent":
            config = replace(config, data=(painted_dataset,))
        elif stage != "demo":
            config = replace(config, data=painted_dataset)
        if stage in ("pretrain", "train"):
            sizes = {"data": doors, "steps": 1, "batch_size": 2, "frames": 2, "architecture": TINY}
            sizes |= {"context": 2, "targets": 4} if stage == "train" else {}
            config = updated(config, **{**sizes, **changes})
        return module.run(config)

    return run


@pytest.mark.parametrize("stage", [*FILES, *COMPOSED])
def test_commands_reject_folder_in_use_by_another_process(command, tmp_path, stage):
    with output_folder(tmp_path / "out"):
        with pytest.raises(
            DoorlabError, match="out to be free, but got this process, which writes"
        ):
            command(stage)
        assert os.listdir(tmp_path / "out") == [LOCK_FILE]


@pytest.mark.parametrize(("stage", "file"), [(s, f) for s, files in FILES.items() for f in files])
def test_commands_replace_files_with_overwrite_only(command, tmp_path, stage, file):
    path = tmp_path / "out" / file
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(ResultError, match=r"no earlier (result|run) .*--overwrite"):
        command(stage)
    assert path.read_text() == "precious"
    assert os.listdir(path.parent) == [file]


def test_train_rejects_resume_of_copied_model(command, tmp_path):
    (tmp_path / "out").mkdir()
    for name in ("model.json", "weights.safetensors"):
        (tmp_path / "out" / name).write_text("precious")
    with pytest.raises(ResultError, match="--overwrite"):
        command("train", resume=True)
    assert (tmp_path / "out" / "model.json").read_text() == "precious"


def test_plot_replaces_temporary_files_of_killed_command_only(command, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in (LOCK_FILE, "gallery.npz", ".gallery.png.12345678.tmp"):
        (out / name).write_text("1 elsewhere")
    command("plot", figures=("gallery",))
    assert sorted(os.listdir(out)) == ["gallery.npz", "gallery.png", "plot.json"]
    (out / LOCK_FILE).write_text("1 elsewhere")
    with pytest.raises(ResultError, match=r"plot\.json"):
        command("plot", figures=("gallery",))


@pytest.fixture
def trained(tmp_path, doors):
    """Config of a run that is finished."""
    config = updated(
        pretrain.Config(),
        model="vae",
        data=doors,
        out=tmp_path / "run",
        steps=2,
        batch_size=2,
        frames=2,
        architecture=TINY,
        device="cpu",
        resume=True,
    )
    pretrain.run(config)
    return config


def test_pretrain_removes_temporary_files_of_finished_run(trained):
    files = sorted(os.listdir(trained.out))
    assert files == ["metrics.json", "model.json", "tensorboard", "weights.safetensors"]
    for name in ("checkpoint.safetensors", ".weights.safetensors.0123abcd.tmp", LOCK_FILE):
        (trained.out / name).write_text("1 elsewhere")
    before = (trained.out / "metrics.json").read_bytes()
    pretrain.run(trained)
    assert sorted(os.listdir(trained.out)) == files
    assert (trained.out / "metrics.json").read_bytes() == before


@pytest.mark.parametrize("stage", ["pretrain", "bandit"])
def test_failed_command_leaves_no_folder(command, tmp_path, stage):
    with pytest.raises(DoorlabError):
        command(stage, **({"frames": 100} if stage == "pretrain" else {"doors": 1000}))
    assert not (tmp_path / "out").exists()
