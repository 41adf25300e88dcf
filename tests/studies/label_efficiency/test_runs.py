"""Datasets and pretrained models of `doorlab study`: checked before anything is trained."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.altered_runs import describe_otherwise
from helpers.small_networks import TINY
from helpers.tiny_study import Stopped

from doorlab.configs import updated
from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.errors import ConfigError, ResultError
from doorlab.stages import pretrain
from doorlab.studies.label_efficiency import study
from doorlab.studies.label_efficiency.runs import validation_error


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("doors") / "dataset"
    made = GenerationConfig(
        doors=20, frames=2, interactions=32, image_size=32, test_fraction=0.25,
        validation_fraction=0.2, videos=0,
    )  # fmt: skip
    write_dataset(path, made)
    return path


@pytest.fixture(scope="module")
def bases(data, tmp_path_factory):
    """Kind -> a model of it that has seen the training doors of `data`."""
    out = tmp_path_factory.mktemp("bases")
    return {kind: pretrained_on(data, out / kind, kind) for kind in ("vae", "statistician")}


def pretrained_on(data: Path, out: Path, kind: str) -> Path:
    return pretrain.run(
        updated(pretrain.Config(),
            model=kind, data=data, out=out, steps=2, batch_size=2, frames=2, architecture=TINY,
            device="cpu", overwrite=True,
        )
    )  # fmt: skip


@pytest.fixture
def config(data, bases, tmp_path, monkeypatch):
    """Of a study on pretrained models, that ends where it would train the first one."""
    there = tmp_path / "pretrained"
    for kind, run in bases.items():
        for seed in (3, 4):
            shutil.copytree(run, there / kind / "rate-0.001" / f"seed-{seed}")

    def stop(*args):
        raise Stopped

    monkeypatch.setattr(study, "run_all", stop)
    return study.Config(
        out=tmp_path / "out", data=data, models=("ssnp", "np", "vae_np"), num_labeled=(5,),
        seeds=(3, 4), learning_rates=(1e-3,), pretrained=there, pretrain_steps=2,
        ood_priors=("wild",), architecture=TINY, device="cpu", workers=1,
    )  # fmt: skip


def changed(file: Path, **entries) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))


def test_study_rejects_seeds_with_different_pretraining(config):
    with pytest.raises(Stopped):
        study.run(config)
    folder = config.pretrained / "vae" / "rate-0.001" / "seed-4"
    sizes = {name: list(v) if isinstance(v, tuple) else v for name, v in vars(TINY).items()}
    for file, entry, message in (
        ("metrics.json", {"config": {"steps": 7}}, r"--steps \(2 there, 7 here\)"),
        (
            "metrics.json",
            {"dataset_checksum": "another", "generation_key": {"prior": "narrow", "seed": 9}},
            r"--dataset \(.*another here\)",
        ),
        ("model.json", {"architecture": {**sizes, "features": 9}}, r"features \(16 .* 9 here\)"),
    ):
        before = (folder / file).read_bytes()
        if file == "model.json":
            describe_otherwise(folder, **entry)
        else:
            changed(folder / file, **entry)
        with pytest.raises(ConfigError, match=f"all seeds of vae pretrained as in .*{message}"):
            study.run(config)
        (folder / file).write_bytes(before)
    for idle in ({"hidden": 9}, {"view_shift": 0.1}):  # of reward networks, of a contrastive model
        describe_otherwise(folder, architecture={**sizes, **idle})
        with pytest.raises(Stopped):
            study.run(config)


@pytest.mark.parametrize(
    "content", ["", "{}", '{"stage": "pretrain", "config": {}, "metrics": {}}']
)
def test_study_reports_unreadable_metrics_in_one_line(config, content):
    file = config.pretrained / "vae" / "rate-0.001" / "seed-4" / "metrics.json"
    file.write_text(content)
    with pytest.raises(ResultError, match=f"{file}, but got .*. Restore") as caught:
        study.run(config)
    assert "\n" not in str(caught.value)


def test_validation_error_of_undefined_figures_is_infinite(tmp_path):
    found = {f"validation_reward_mse_after_{n}": {"mean": 0.1} for n in (0, 1)}
    metrics = {
        "stage": "train",
        "config": {"steps": 1},
        "dataset_checksum": None,
        "generation_key": None,
    }

    def error_of(figures):
        (tmp_path / "metrics.json").write_text(json.dumps({**metrics, "metrics": figures}))
        return validation_error(tmp_path)

    assert error_of(found) == pytest.approx(0.1)
    assert error_of({**found, "validation_reward_mse_after_2": None}) == math.inf
    for figures in ({}, {"validation_reward_mse_after_0": 3}):
        with pytest.raises(ResultError, match=r"validation errors in .*. Train it again"):
            error_of(figures)


def test_study_rejects_missing_seeds_with_other_settings(config):
    shutil.rmtree(config.pretrained / "vae" / "rate-0.001" / "seed-4")
    with pytest.raises(Stopped):
        study.run(config)
    with pytest.raises(ConfigError, match=r"as in .*seed-3, .*--steps \(2 there, 9 here\)"):
        study.run(replace(config, pretrain_steps=9))
    shutil.rmtree(config.pretrained / "vae")  # none of them is any mixture
    with pytest.raises(Stopped):
        study.run(replace(config, pretrain_steps=9, models=("np", "vae_np"), method="np"))


def test_study_rejects_pretrained_models_that_saw_test_doors(config, tmp_path):
    """Doors of one prior and seed are equal, for any number of doors."""
    config = replace(config, models=("np", "vae_np"), method="np", seeds=(3,))
    own = DoorDataset.open(config.data).generation
    folder = config.pretrained / "vae" / "rate-0.001" / "seed-3"
    small = {"doors": 8, "frames": 2, "interactions": 0, "image_size": 32, "videos": 0}
    for prior, seed, seen in (
        ("narrow", own.seed, True),
        ("narrow", own.seed + 1, False),
        ("wild", own.seed, False),
        ("wild", own.seed + 1, True),  # those of --ood-priors
    ):
        data = tmp_path / f"{prior}-{seed}"
        write_dataset(data, GenerationConfig(**small, prior=prior, seed=seed))
        pretrained_on(data, folder, "vae")
        refused = pytest.raises(ConfigError, match="that have seen no test door of")
        with refused if seen else pytest.raises(Stopped):
            study.run(config)
    changed(folder / "metrics.json", generation_key=None)  # as of streamed doors
    with pytest.raises(Stopped):
        study.run(config)


def test_study_ood_doors_match_given_dataset(config, tmp_path):
    path = tmp_path / "doors"
    made = GenerationConfig(
        doors=20, frames=3, interactions=32, image_size=16, seed=config.data_seed + 1, videos=0,
        simulator="torch", validation_fraction=0.1,
    )  # fmt: skip
    write_dataset(path, made)
    config = replace(config, data=path, pretrained=None, ood_priors=("narrow",))
    with pytest.raises(Stopped):  # before anything is trained
        study.run(config)
    found = DoorDataset.open(config.out / "ood" / "narrow" / "dataset").generation
    assert (found.frames, found.image_size, found.simulator) == (3, 16, "torch")
    assert found.seed not in (made.seed, config.data_seed)
    assert found.interactions == 0
    assert found.test_fraction * found.doors >= 3


def test_study_without_validation_doors_needs_one_learning_rate(tmp_path):
    path = tmp_path / "doors"
    write_dataset(
        path,
        GenerationConfig(
            doors=8, frames=2, image_size=32, videos=0, validation_fraction=0.0, test_fraction=0.25
        ),
    )
    config = study.Config(out=tmp_path / "none", data=path, num_labeled=(5,), tune_labels=5)
    with pytest.raises(ConfigError, match=r"validation doors to .*none in .*one of --learning-ra"):
        study.run(replace(config, learning_rates=(1e-3, 2e-3)))
    assert study.dataset_of(config).path == path


def test_study_check_accepts_unused_tune_labels():
    study.check(study.Config(tune_labels=160))
