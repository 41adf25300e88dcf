"""The study on few doors, with models that are trained in no time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.altered_runs import damage, train_again
from helpers.small_networks import TINY
from helpers.tiny_study import Stopped
from safetensors.torch import load_file

from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.data.tensors.batches import DoorData
from doorlab.errors import CheckpointError, ConfigError, ResultError
from doorlab.evaluation.policy_registry import ExplorationConfig
from doorlab.evaluation.reward_metrics import predictions_on, summarize
from doorlab.models.io import load_model, weights_checksum
from doorlab.models.registry import REWARD_MODELS, reward_model_spec
from doorlab.stages import bandit, generate, pretrain, report, train
from doorlab.studies.label_efficiency import results as study_results
from doorlab.studies.label_efficiency import scores, study
from doorlab.studies.label_efficiency.config import ReconstructionWeights

MODELS = ("ssnp", "np", "vae_np")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Of a study that is not started."""
    return study.Config(
        out=tmp_path_factory.mktemp("study") / "out", models=MODELS, num_labeled=(5, 0), doors=30,
        frames=2, tune_labels=5, seeds=(3, 4), encoder_steps=1, finetune_steps=1, process_steps=2,
        pretrain_steps=2, horizon=5, learning_rates=(1e-3, 4e-3), baselines=("random", "gp_ucb"),
        ood_priors=("wild",), architecture=TINY, device="cpu", workers=1,
        reconstruction_weights=ReconstructionWeights(ssnp=0.5),
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(config):
    """The same, stopped once in the middle of its trainings and gone on with: its config."""
    fit, left = train.fit, [5]

    def stop(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise Stopped
        return fit(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "fit", stop)
        with pytest.raises(Stopped):
            study.run(config)
    assert not (config.out / "claims.json").exists()
    assert len(list(config.out.glob("labeled-*/*/*/*/scores.npz"))) == 5
    study.run(config)
    return config


@pytest.fixture
def results(finished):
    names = ("reward", "bandit", "claims")
    return {name: json.loads((finished.out / f"{name}.json").read_text()) for name in names}


def test_study_writes_run_folder_per_model_labels_and_seed(finished, results):
    train_doors = len(DoorDataset.open(finished.out / "dataset").indices("train"))
    assert results["reward"]["num_labeled"] == [5, train_doors]
    rates = results["reward"]["learning_rates"]
    assert set(rates) == set(MODELS)
    for model in MODELS:
        for labeled in (5, train_doors):
            for seed in (3, 4):
                name = f"labeled-{labeled}/{model}/rate-{rates[model]:g}/seed-{seed}"
                metrics = json.loads((finished.out / name / "metrics.json").read_text())
                assert (metrics["model"], metrics["seed"]) == (model, seed)
                assert metrics["metrics"]["labeled_doors"] == labeled
                assert metrics["metrics"]["steps"] == (2 if model == "vae_np" else 3)
                weight = metrics["config"]["architecture"]["reconstruction_weight"]
                assert weight == (0.5 if model == "ssnp" else 0.005)
    assert not list(finished.out.glob("labeled-*/*/*/*/checkpoint.safetensors"))


def test_study_selects_learning_rate_by_validation_error(finished, results):
    for model in MODELS:
        means = {}
        for rate in (1e-3, 4e-3):
            folder = finished.out / f"labeled-5/{model}/rate-{rate:g}/seed-3"
            found = json.loads((folder / "metrics.json").read_text())["metrics"]
            errors = [v["mean"] for k, v in found.items() if "validation_reward_mse_after" in k]
            assert len(errors) == 11
            means[rate] = np.mean(errors)
        assert results["reward"]["learning_rates"][model] == min(means, key=means.get)


def test_study_scores_match_models_on_test_doors(finished, results):
    dataset = DoorDataset.open(finished.out / "dataset")
    doors = DoorData.load(dataset, "test")
    rate = results["reward"]["learning_rates"]["np"]
    by_seed = []
    for seed in (3, 4):
        run = finished.out / f"labeled-5/np/rate-{rate:g}/seed-{seed}"
        by_seed.append(summarize(predictions_on(load_model(run).eval(), doors)))
    found = results["reward"]["models"]["np"]["5"]
    for metric in ("reward_mse", "log_likelihood", "calibration_error"):
        for n in (0, 4, 10):
            expected = np.mean([one[f"{metric}_after_{n}"].mean for one in by_seed])
            assert found["after"][metric][n]["mean"] == pytest.approx(expected, rel=1e-5)
        means = [estimate["mean"] for estimate in found["after"][metric]]
        assert found[metric]["mean"] == pytest.approx(np.mean(means))
    variance = float(doors.rewards[:, 16:].var(correction=0))
    share = found["reward_mse"]["mean"] / variance
    assert found["reward_mse_over_variance"]["mean"] == pytest.approx(share, rel=1e-5)
    assert results["reward"]["doors"] == len(doors)
    assert set(results["reward"]["differences"]["reward_mse"]) == {"ssnp - np", "ssnp - vae_np"}


def test_study_policies_match_bandit_and_pair_differences(finished, results):
    found = results["bandit"]
    assert set(found["policies"]) == set(MODELS)
    assert set(found["baselines"]) == {"random", "gp_ucb"}
    with np.load(finished.out / "labeled-5/bandit/rollouts.npz") as arrays:
        regrets = {model: arrays[f"{model}/regrets"] for model in MODELS}
    assert regrets["ssnp"].shape == (2, found["doors"], 5)
    mean = regrets["ssnp"].mean()
    assert found["policies"]["ssnp"]["5"]["mean_regret"]["mean"] == pytest.approx(mean)
    assert len(found["policies"]["ssnp"]["5"]["by_hidden"]["latch"]) >= 1
    difference = found["differences"]["ssnp - np"]["5"]["mean"]
    assert difference == pytest.approx(mean - regrets["np"].mean())
    random = found["baselines"]["random"]["mean_regret"]["mean"]
    assert found["differences"]["ssnp - random"]["5"]["mean"] == pytest.approx(mean - random)


def test_study_evaluates_same_models_on_other_prior(finished, results):
    found = results["bandit"]["ood"]["wild"]
    folder = finished.out / "ood" / "wild"
    dataset = DoorDataset.open(folder / "dataset")
    assert dataset.generation.prior == "wild"
    assert dataset.generation.seed != finished.data_seed
    assert found["doors"] == results["bandit"]["doors"]
    assert set(found["policies"]) == {*MODELS, "random", "gp_ucb"}
    with np.load(folder / "rollouts.npz") as arrays:
        regrets = arrays["ssnp/regrets"]
    assert regrets.shape == (2, found["doors"], 5)
    assert found["policies"]["ssnp"]["mean_regret"]["mean"] == pytest.approx(regrets.mean())
    assert found["num_labeled"] == max(results["bandit"]["num_labeled"])  # the number nearest 400


def test_study_claims_match_its_figures(results):
    found = {claim["name"]: claim for claim in results["claims"]["claims"]}
    share = results["reward"]["models"]["ssnp"]["5"]["reward_mse_over_variance"]
    (half, *_) = found["half_of_variance"]["metrics"]
    assert half["error_over_variance"]["mean"] == pytest.approx(share["mean"])
    assert "statistician_np" in found["beats_rivals"]["how_much"]
    assert found["beats_rivals"]["reproduced"] is not True
    against = found["beats_gp_ucb"]["metrics"][0]["against"]
    assert against == pytest.approx(results["bandit"]["baselines"]["gp_ucb"]["mean_regret"]["mean"])
    assert {claim["reproduced"] for claim in found.values()} <= {True, False, None}


def test_report_includes_study(finished, results, tmp_path):
    page = report.run(report.Config(runs=(finished.out,), out=tmp_path)).read_text()
    assert '<section id="study">' in page
    for claim in results["claims"]["claims"]:
        assert claim["claim"] in page
    assert "on doors of the prior wild" in page
    for name in ("labels", "regret", "adaptation"):
        assert (finished.out / f"{name}.png").stat().st_size > 10_000
    assert page.count("data:image/png") == 3


def test_finished_study_is_not_repeated(finished, capsys, monkeypatch):
    """Also after a kill right behind its last file."""
    before = {p: p.stat().st_mtime_ns for p in finished.out.rglob("*") if p.is_file()}
    (finished.out / ".claims.json.0123abcd.tmp").touch()
    (finished.out / ".lock").write_text("1 elsewhere")
    monkeypatch.setattr(study, "dataset_of", None)
    study.run(replace(finished, workers=2, out=finished.out / "."))
    said = capsys.readouterr().out
    assert f"study: done before ({finished.out / 'claims.json'})" in said
    assert "reproduced" in said
    assert before == {p: p.stat().st_mtime_ns for p in finished.out.rglob("*") if p.is_file()}
    with pytest.raises(ResultError, match=r"--horizon \(5 there, 6 here\). Choose another --out"):
        study.run(replace(finished, horizon=6))


def test_study_reuses_finished_runs(finished, results, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("trained, scored or opened doors again")

    monkeypatch.setattr(train, "fit", never)
    monkeypatch.setattr(pretrain, "fit", never)
    monkeypatch.setattr(scores, "predictions_on", never)
    monkeypatch.setattr(bandit, "run", never)
    study.run(replace(finished, overwrite=True))
    for name in results:
        after = json.loads((finished.out / f"{name}.json").read_text())
        asked = {"config": None, "provenance": None}
        assert after | asked == results[name] | asked


def test_study_reuses_pretrained_models(finished, tmp_path, monkeypatch):
    """The frozen weights equal those of the study of representations."""
    rate = 1e-3
    config = replace(
        finished, out=tmp_path / "other", data=finished.out / "dataset", learning_rates=(rate,),
        pretrained=finished.out / "pretrained", seeds=(3,), num_labeled=(5,), baselines=(),
    )  # fmt: skip
    monkeypatch.setattr(pretrain, "run", None)
    study.run(config)
    assert not (config.out / "pretrained").exists()
    place = f"rate-{rate:g}/seed-3/weights.safetensors"
    vae = load_file(finished.out / "pretrained" / "vae" / place)
    frozen = load_file(config.out / "labeled-5" / "vae_np" / place)
    assert all(torch.equal(frozen[f"pretrained.{name}"], value) for name, value in vae.items())


def asked(folder: Path) -> bandit.Config:
    """The settings of an evaluation in a folder."""
    found = json.loads((folder / "regret.json").read_text())["config"]
    models = tuple(folder.parent / Path(m).relative_to(folder.parent) for m in found["models"])
    places = {"data": Path(found["data"]), "out": folder, "models": models}
    policies, weights = tuple(found["policies"]), ExplorationConfig(**found["exploration"])
    return bandit.Config(**{**found, **places, "policies": policies, "exploration": weights})


@pytest.mark.parametrize("name", ["doors", "horizon", "seed"])
def test_opened_detects_changed_settings(finished, name):
    settings = asked(finished.out / "labeled-5" / "bandit")
    assert study.is_evaluated(settings)
    assert not study.is_evaluated(replace(settings, **{name: getattr(settings, name) + 1}))


def test_opened_and_scored_detect_changed_doors_and_weights(finished):
    """For example after a run, or the dataset, was deleted and made again."""
    settings = asked(finished.out / "labeled-5" / "bandit")
    assert not study.is_evaluated(replace(settings, data=finished.out / "ood/wild/dataset"))
    run = settings.models[0]
    names = ("weights.safetensors", "model.json", "scores.npz")
    kept = {name: (run / name).read_bytes() for name in names}
    doors, weights = scores.read(run, "doors"), weights_checksum(run)
    assert scores.is_scored(run, doors, weights)
    try:
        train_again(run)
        assert not study.is_evaluated(settings)
        assert not scores.is_scored(run, doors, weights_checksum(run))
    finally:
        for name, content in kept.items():
            (run / name).write_bytes(content)
    assert study.is_evaluated(settings)
    assert not scores.is_scored(run, doors[:-1], weights)


@pytest.mark.parametrize("place", ["labeled-5/np", "pretrained/vae"])
def test_study_stops_at_damaged_weights(finished, monkeypatch, place):
    """They are neither scored nor evaluated, and no model uses them."""
    file = next((finished.out / place).glob("*/seed-4/weights.safetensors"))
    whole, before = file.read_bytes(), (finished.out / "claims.json").read_bytes()
    monkeypatch.setattr(scores, "predictions_on", None)
    monkeypatch.setattr(bandit, "run", None)
    try:
        damage(file)
        with pytest.raises(
            CheckpointError, match=f"the weights with the checksum of .* in {file}, but got oth"
        ):
            study.run(replace(finished, overwrite=True))
    finally:
        file.write_bytes(whole)
    assert (finished.out / "claims.json").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labeled-5/bandit/rollouts.npz", b""),
        ("labeled-5/bandit/rollouts.npz", None),
        ("labeled-5/bandit/regret.json", b"{}"),
        ("labeled-5/bandit/regret.json", b"["),
        ("labeled-5/bandit/regret.json", b'{"stage": "bandit", "config": {}, "policies": {}}'),
        ("baselines/rollouts.npz", b"PK"),
    ],
)
def test_study_repeats_unreadable_evaluation(finished, name, content, monkeypatch):
    file, asked = finished.out / name, []
    whole = file.read_bytes()
    monkeypatch.setattr(bandit, "run", lambda settings: asked.append(settings.out))
    monkeypatch.setattr(study_results, "write", lambda *args: None)
    try:
        file.unlink() if content is None else file.write_bytes(content)
        study.run(replace(finished, overwrite=True))
    finally:
        file.write_bytes(whole)
    assert asked == [file.parent]


@pytest.mark.parametrize("harm", ["empty", "bit", "part"])
def test_score_repeats_unreadable_scores(finished, harm):
    file = next((finished.out / "labeled-5/np").glob("*/seed-4/scores.npz"))
    whole, dataset = file.read_bytes(), DoorDataset.open(finished.out / "dataset")
    doors = len(dataset.indices("test"))
    try:
        if harm == "empty":
            file.write_bytes(b"")
        elif harm == "bit":
            damage(file)
        else:
            np.savez(file, doors=scores.read(file.parent, "doors"))
        scores.score(file.parent, dataset, doors, "cpu")
        again = scores.read(file.parent, "reward_mse")
    finally:
        file.write_bytes(whole)
    np.testing.assert_allclose(again, scores.read(file.parent, "reward_mse"), rtol=1e-6)


def test_reconstruction_weights_cover_every_joint_model():
    joint = {name for name in REWARD_MODELS if reward_model_spec(name).joint}
    assert set(vars(ReconstructionWeights())) == joint
    with pytest.raises(
        ConfigError, match=r"--reconstruction-weights\.ssnp as a finite number of 0 or more"
    ):
        ReconstructionWeights(ssnp=-1.0)


def test_study_names_differing_training_settings(finished):
    with pytest.raises(ConfigError, match=r"--steps \(3 there, 4 here\)"):
        study.run(replace(finished, process_steps=3, overwrite=True))


def test_study_rejects_dataset_without_interactions(tmp_path):
    path = tmp_path / "doors"
    write_dataset(
        path, GenerationConfig(doors=8, frames=2, interactions=0, image_size=32, videos=0)
    )
    with pytest.raises(ConfigError, match="doors with 32 interactions or more, but got 0"):
        study.run(study.Config(out=tmp_path / "none", data=path))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ("ssnp", "npp")}, "Did you mean 'np'"),
        ({"models": ("ssnp",)}, "--models to compare"),
        ({"method": "contrastive_ssnp"}, "for --method"),
        ({"baselines": ("gp_uc",)}, "Did you mean 'gp_ucb'"),
        ({"prior": "narow"}, "Did you mean 'narrow'"),
        ({"ood_priors": ("wilde",)}, "Did you mean 'wild'"),
        ({"seeds": (1, 1)}, "--seeds with one value or more"),
        ({"num_labeled": ()}, "--num-labeled with one value or more"),
        (
            {"tune_labels": 7, "learning_rates": (1.0, 2.0)},
            "--tune-labels out of --num-labeled 10, 30",
        ),
        ({"num_labeled": (-10, 30)}, "--num-labeled as a whole number of 0 or more"),
        ({"horizon": 0}, "--horizon as a whole number of 1 or more, but got 0"),
        ({"process_steps": 0}, "--process-steps as a whole number of 1"),
        ({"encoder_steps": -1}, "--encoder-steps as a whole number of 0"),
        ({"learning_rates": (1.0, 2.0), "validation_fraction": 0.0}, "one of --learning-rates"),
        ({"eval_labels": (10, 20)}, "--eval-labels out of --num-labeled"),
        ({"interactions": 8}, "32 interactions or more"),
        ({"workers": -1}, "--workers as a whole number of 0 or more"),
        ({"pretrained": Path("nowhere")}, "got nowhere, which is none"),
        (
            {"architecture": replace(TINY, reconstruction_weight=1.0)},
            "--reconstruction-weights.MODEL",
        ),
    ],
)
def test_study_rejects_invalid_settings_before_generating(tmp_path, changes, message, monkeypatch):
    monkeypatch.setattr(generate, "run", None)
    with pytest.raises(ConfigError, match=message):
        study.run(study.Config(out=tmp_path / "none", **changes))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("changes", [{"num_labeled": (5, 500)}, {"test_doors": 500}])
def test_study_rejects_too_few_doors_before_training(finished, changes, monkeypatch):
    monkeypatch.setattr(study, "run_all", None)
    with pytest.raises(ConfigError, match=r"within the \d+ of .*500.*Ask for fewer"):
        study.run(replace(finished, overwrite=True, **changes))
