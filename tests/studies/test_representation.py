"""The study on doors whose images say what they are, with models that are trained in no time."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.altered_runs import damage, train_again
from helpers.small_networks import TINY

from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.errors import CheckpointError, ConfigError, ResultError
from doorlab.models.encoders.random_features import RandomFeatures
from doorlab.stages import generate, pretrain, probe
from doorlab.studies import representation

MODELS = ("statistician", "vae", "random_features")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A finished study, not to be changed: its config."""
    out = tmp_path_factory.mktemp("study")
    config = representation.Config(
        out=out, models=MODELS, doors=40, steps=2, learning_rates=(1e-3, 4e-3), probe_frames=(2, 4),
        probe_doors=(5, 10), architecture=TINY, device="cpu", workers=1,
    )  # fmt: skip
    representation.run(config)
    return config


@pytest.fixture
def result(study):
    return json.loads((study.out / "representation.json").read_text())


def test_representation_study_writes_every_run_with_probe(study, result):
    rates = result["priors"]["narrow"]["learning_rates"]
    assert list(rates) == list(MODELS)
    assert rates["random_features"] == 1e-3
    assert set(rates.values()) <= {1e-3, 4e-3}
    for model, rate in rates.items():
        for seed in (0, 1):
            folder = study.out / f"narrow/{model}/rate-{rate:g}/seed-{seed}"
            assert json.loads((folder / "metrics.json").read_text())["seed"] == seed
            assert (folder / "probe" / "probes.npz").exists()
    tried = sorted(p.name for p in (study.out / "narrow/vae").iterdir())
    assert tried == ["rate-0.001", "rate-0.004"]


def test_representation_study_selects_learning_rate_by_validation_probes(study, result):
    for model in ("statistician", "vae"):
        means = {}
        for rate in (1e-3, 4e-3):
            file = study.out / f"narrow/{model}/rate-{rate:g}/seed-0/probe/probes.json"
            scores = json.loads(file.read_text())["probes"][model]
            means[rate] = np.mean([score["validation"] for score in scores.values()])
        assert result["priors"]["narrow"]["learning_rates"][model] == max(means, key=means.get)


def test_representation_study_averages_over_seeds_and_doors(study, result):
    found = result["priors"]["narrow"]
    rate = found["learning_rates"]["vae"]
    by_seed = [
        json.loads((study.out / f"narrow/vae/rate-{rate:g}/seed-{s}/probe/probes.json").read_text())
        for s in (0, 1)
    ]
    for target, score in found["probes"]["vae"].items():
        means = [one["probes"]["vae"][target]["mean"] for one in by_seed]
        assert score["mean"] == pytest.approx(np.mean(means))
        assert score["n"] == found["doors"]["test"] == 10
    assert found["seeds"] == 2
    assert set(found["differences"]) == {"statistician - vae", "statistician - random_features"}
    assert found["latents"]["statistician"]["context"].keys() >= {"joint_angle", "handedness"}
    assert found["curves"]["doors"]["at"] == [5, 10]
    assert {bar["reached"] for bar in found["bars"]["statistician"].values()} <= {True, False}
    dataset = DoorDataset.open(study.out / "narrow" / "dataset")
    assert found["dataset_checksum"] == dataset.checksum
    assert found["simulator"] == dataset.simulator
    for axis in ("frames", "doors"):
        assert (study.out / f"narrow_{axis}.png").stat().st_size > 10_000


def test_finished_representation_study_is_not_repeated(study, capsys, monkeypatch):
    monkeypatch.setattr(representation, "dataset_of", None)
    path = representation.run(replace(study, workers=2))
    assert f"represent: done before ({path})" in capsys.readouterr().out
    with pytest.raises(
        ResultError, match=r"--seeds \(\[0, 1\] there, \[0\] here\). Choose another"
    ):
        representation.run(replace(study, seeds=(0,)))


def test_representation_study_reuses_finished_runs(study, monkeypatch):
    before = (study.out / "representation.json").read_bytes()

    def never(*args, **kwargs):
        raise AssertionError("trained or probed again")

    monkeypatch.setattr(probe, "run", never)
    monkeypatch.setattr(pretrain, "fit", never)
    monkeypatch.setattr(RandomFeatures, "fit", never)
    representation.run(replace(study, overwrite=True))
    after = json.loads((study.out / "representation.json").read_text())
    assert after["priors"] == json.loads(before)["priors"]


def test_representation_study_stops_at_damaged_weights(study):
    file = next((study.out / "narrow/vae").glob("*/seed-1/weights.safetensors"))
    whole = file.read_bytes()
    try:
        damage(file)
        with pytest.raises(
            CheckpointError, match=f"the weights with the checksum of .* in {file}, but got oth"
        ):
            representation.run(replace(study, overwrite=True))
    finally:
        file.write_bytes(whole)


@pytest.fixture
def probed_again(study, monkeypatch):
    """Does a finished run once more; whether it was probed once more."""

    def do(run) -> bool:
        asked = []
        monkeypatch.setattr(probe, "run", asked.append)
        representation.run_one(study, {"narrow": study.out / "narrow" / "dataset"}, run)
        return bool(asked)

    return do


@pytest.mark.parametrize("name", ["probes.npz", "probes.json"])
def test_representation_study_repeats_unreadable_probe(study, probed_again, name):
    run = representation.ProbeRun("narrow", "vae", 1e-3, 0)
    file = study.out / run.name / "probe" / name
    whole = file.read_bytes()
    assert not probed_again(run)
    try:
        file.write_bytes(whole[: len(whole) // 2])
        assert probed_again(run)
    finally:
        file.write_bytes(whole)


def test_representation_study_probes_retrained_run_again(study, probed_again):
    run = representation.ProbeRun("narrow", "vae", 1e-3, 0)
    folder = study.out / run.name
    kept = {name: (folder / name).read_bytes() for name in ("weights.safetensors", "model.json")}
    try:
        train_again(folder)
        assert probed_again(run)
    finally:
        for name, content in kept.items():
            (folder / name).write_bytes(content)


def test_dataset_of_uses_matching_dataset(study, tmp_path):
    path = tmp_path / "doors"
    made = GenerationConfig(doors=10, frames=2, interactions=0, image_size=32, videos=0)
    write_dataset(path, made)
    assert representation.dataset_of(replace(study, data=(path,)), "narrow").path == path
    with pytest.raises(ConfigError, match="doors of the prior default"):
        representation.dataset_of(replace(study, data=(path,), priors=("default",)), "default")


@pytest.mark.parametrize("missing", ["validation", "test"])
def test_representation_study_rejects_unprobeable_doors_before_training(
    study, tmp_path, missing, monkeypatch
):
    shares = {"validation_fraction": 0.4, "test_fraction": 0.4, f"{missing}_fraction": 0.0}
    path = tmp_path / "doors"
    write_dataset(
        path, GenerationConfig(doors=5, frames=2, interactions=0, image_size=32, videos=0, **shares)
    )
    monkeypatch.setattr(pretrain, "run", None)
    with pytest.raises(ConfigError, match=f"{missing} doors to .*got none in .*doors"):
        representation.run(replace(study, data=(path,), out=tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_representation_study_names_differing_training_settings(study):
    with pytest.raises(ConfigError, match=r"--steps \(2 there, 3 here\)"):
        representation.run(replace(study, steps=3, overwrite=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"priors": ("narow",)}, "Did you mean 'narrow'"),
        ({"models": ("statistician", "va")}, "Did you mean 'vae'"),
        ({"models": ("statistician", "supervised")}, "one of vae"),
        ({"models": ("vae",)}, "--models with one of .*statistician"),
        ({"seeds": ()}, "--seeds with one value or more"),
        ({"seeds": (1, 1)}, "--seeds with one value or more"),
        ({"workers": -1}, "--workers as a whole number of 0 or more"),
        ({"probe_doors": ()}, "--probe-doors"),
        ({"validation_fraction": 0.0}, "validation doors to .*--validation-fraction"),
        ({"test_fraction": 0.005}, "test doors to .*--test-fraction"),
    ],
)
def test_representation_study_rejects_invalid_settings_before_generating(
    tmp_path, changes, message, monkeypatch
):
    monkeypatch.setattr(generate, "run", None)
    with pytest.raises(ConfigError, match=message):
        representation.run(representation.Config(out=tmp_path / "none", **changes))
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_representation_study_is_independent_of_workers(study, result, tmp_path):
    """Two runs in processes of their own write the bytes of one process."""
    config = replace(
        study, out=tmp_path, data=(study.out / "narrow" / "dataset",), seeds=(0,),
        models=("statistician", "vae"), learning_rates=(1e-3,), workers=2,
    )  # fmt: skip
    representation.run(config)
    for model in config.models:
        name = f"narrow/{model}/rate-0.001/seed-0/weights.safetensors"
        assert (tmp_path / name).read_bytes() == (study.out / name).read_bytes()
