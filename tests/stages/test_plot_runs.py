"""Runs, datasets and figures that `doorlab plot` accepts, skips or rejects."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers.altered_runs import describe
from helpers.plotting import Reader, draw
from PIL import Image

from doorlab.data.dataset import DoorDataset
from doorlab.errors import ConfigError, DatasetError, ResultError
from doorlab.evaluation import trained_model
from doorlab.plots.frames import stratified_sample
from doorlab.stages import plot, probe


@pytest.fixture
def config(painted_run):
    return plot.Config(runs=(painted_run,))


def test_figures_are_as_wide_as_page(config, painted_run):
    draw(config, "gallery")
    with Image.open(painted_run / "plot" / "gallery.png") as figure:
        assert figure.width == 1200


def test_plot_reports_figures_of_missing_stages(config, painted_run, capsys):
    for stage in ("train", "pretrain"):
        shutil.rmtree(painted_run / stage)
    path = plot.run(config)
    result = json.loads(path.read_text())
    skipped = result["not_run"]
    assert result["skipped"] == {}
    assert "doorlab train" in skipped["landscape"]
    assert "doorlab probe" in skipped["probes"]
    assert "doorlab bandit" in skipped["regret"]
    assert [file.stem for file in path.parent.glob("*.png")] == ["gallery"]
    assert set(skipped) == set(plot.FIGURES) - {"gallery"}
    said = capsys.readouterr().out
    assert said.splitlines() == [
        f"not drawn: {len(skipped)} figures of stages that were not run (see plot.json)",
        f"1 figure in {path.parent}",
    ]


def test_plot_names_requested_figure_that_is_skipped(config, capsys):
    plot.run(replace(config, figures=("gallery", "regret")))
    assert "not drawn: regret (`doorlab bandit` was not run)" in capsys.readouterr().out


@pytest.mark.parametrize("figures", [(), ("regret",)])
def test_plot_rejects_empty_run_and_leaves_nothing(tmp_path, figures):
    run = tmp_path / "run"
    run.mkdir()
    describe(run, kind="ssnp", image_size=16)
    with pytest.raises(ResultError, match=r"got nothing, as .*was not run"):
        plot.run(plot.Config(runs=(run,), figures=figures))
    assert [p.name for p in run.iterdir()] == ["model.json"]


def test_plot_finds_dataset_of_run(tmp_path, painted_run, painted_dataset):
    """For any working directory, and after the run and its dataset are moved together."""
    shutil.copytree(painted_dataset, tmp_path / "moved" / "doors")
    shutil.copytree(painted_run / "train" / "ssnp", tmp_path / "moved" / "ssnp")
    metrics = {
        "stage": "train",
        "config": {"data": "runs/doors", "out": "runs/ssnp"},
        "dataset_checksum": DoorDataset.open(painted_dataset).checksum,
    }
    file = tmp_path / "moved" / "ssnp" / "metrics.json"
    file.write_text(json.dumps(metrics))
    path = plot.run(plot.Config(runs=(tmp_path / "moved" / "ssnp",), figures=("adaptation",)))
    assert path == tmp_path / "moved" / "ssnp" / "plot" / "plot.json"
    assert (path.parent / "adaptation.png").exists()
    file.write_text(json.dumps({**metrics, "dataset_checksum": "of another dataset"}))
    with pytest.raises(ResultError, match=r"no dataset was found\. Give one with --data"):
        plot.run(plot.Config(runs=(tmp_path / "moved" / "ssnp",), out=tmp_path / "x"))


def test_plot_accepts_several_runs(tmp_path, painted_run, painted_dataset):
    runs = (painted_dataset, painted_run / "pretrain" / "vae", painted_run / "train" / "ssnp")
    path = plot.run(plot.Config(runs=runs, out=tmp_path / "out", figures=("embedding",)))
    with np.load(path.parent / "embedding.npz") as arrays:
        assert {"embedding/vae", "embedding/ssnp"} <= set(arrays)
    both = (painted_run / "pretrain" / "vae", painted_run)
    assert plot.run(plot.Config(runs=both, figures=("gallery",))).parent == painted_run / "plot"


def test_plot_groups_expand_to_figures(config, painted_run):
    members = {name for group in plot.GROUPS.values() for name in group}
    assert members <= set(plot.FIGURES)
    assert not set(plot.GROUPS) & set(plot.FIGURES)
    assert plot.chosen_figures(()) == tuple(plot.FIGURES)
    chosen = plot.chosen_figures(("latents", "traversals", "gallery"))
    assert chosen == ("gallery", "traversals", "embedding", "correlations")
    path = plot.run(replace(config, figures=("latents",)))
    drawn = {p.stem for p in path.parent.glob("*.png")}
    assert drawn == {"embedding", "correlations", "traversals"}


def test_plot_rejects_invalid_settings(config, tmp_path, painted_run):
    with pytest.raises(ConfigError, match="Did you mean 'regret'"):
        plot.run(replace(config, figures=("regrett",)))
    with pytest.raises(ConfigError, match="--doors as a whole number of 1 or more"):
        plot.run(replace(config, doors=0))
    with pytest.raises(ConfigError, match="--threads as a whole number from 0"):
        plot.run(replace(config, threads=-1))
    with pytest.raises(ResultError, match="the folder of a run"):
        plot.run(plot.Config(runs=(tmp_path / "nowhere",)))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "dataset.json").write_text("{")
    with pytest.raises(DatasetError):
        plot.run(replace(config, data=tmp_path / "broken", figures=("gallery",)))
    assert not (painted_run / "plot").exists()


def test_plot_never_replaces_silently_and_is_deterministic(config, painted_run):
    draw(config, "reconstructions")
    before = (painted_run / "plot" / "reconstructions.png").read_bytes()
    with pytest.raises(ResultError, match="--overwrite"):
        plot.run(config)
    draw(replace(config, overwrite=True), "reconstructions")
    assert (painted_run / "plot" / "reconstructions.png").read_bytes() == before


def test_plot_of_one_figure_keeps_results_of_others(config):
    before, _ = draw(config, "adaptation", "calibration")
    after, _ = draw(replace(config, overwrite=True), "calibration")
    assert after["metrics"] == before["metrics"]
    assert after["words"] == before["words"]


def test_stratified_sample_alternates_kinds_of_doors(painted_run):
    dataset = DoorDataset.open(painted_run / "dataset")
    doors = dataset.doors()
    chosen = stratified_sample(doors, 8)
    assert len(set(chosen)) == 8
    kinds = [(doors[i].hinge_side, doors[i].swing) for i in chosen]
    assert len(set(kinds[:4])) == 4
    assert kinds[:4] == kinds[4:]
    assert sorted(stratified_sample(doors, len(doors) + 5)) == list(range(len(doors)))


def test_training_figure_shows_history_of_every_run(config, painted_run):
    histories = {
        "pretrain/vae": {
            "train": [
                {"step": 20, "loss": 3.0, "kl_z": 1.0, "kl_c": 4.0},
                {"step": 40, "loss": 2.0, "kl_z": 1.5, "kl_c": 5.0},
            ],
            "validation": [{"step": 40, "loss": 2.5}],
        },
        "train/ssnp": {
            "train": [{"step": 20, "loss": -1.0, "reward_mse": 0.04}],
            "validation": [{"step": 20, "reward_mse_after_0": 0.03, "reward_mse_after_4": 0.01}],
        },
    }
    for run, history in histories.items():
        (painted_run / run / "metrics.json").write_text(json.dumps({"history": history}))
    _, arrays = draw(config, "training")
    found = {name: values.tolist() for name, values in arrays["training"].items()}
    assert found["vae/steps"] == [20, 40]
    assert found["vae/loss"] == [3, 2]
    assert found["vae/validation_loss"] == [2.5]
    assert found["vae/measure"] == "loss"
    assert found["vae/kl_z"] == [1, 1.5]
    assert found["vae/kl_c"] == [4, 5]
    assert not [name for name in found if name.startswith("ssnp/kl")]
    assert found["ssnp/loss"] == [0.04]
    assert found["ssnp/validation_loss"] == [0.02]
    assert not any(name.startswith("statistician") for name in found)


def test_regret_and_opened_figures_show_bandit_result(config, painted_run):
    def policy(level):
        level_of_all = {"mean": level, "ci95": [level - 0.1, level + 0.1], "n": 5}
        entry = {"mean_regret": level_of_all, "first_reward": level_of_all}
        for key in ("regret_per_interaction", "cumulative_regret", "opened_by"):
            entry[key] = [level, level / 2]
            entry[f"{key}_ci95"] = [[level - 0.1, level + 0.1], [level / 4, level]]
        return entry

    policies = {"ssnp": policy(0.2), "random": policy(0.8)}
    (painted_run / "bandit").mkdir()
    result = {"doors": 5, "horizon": 2, "policies": policies}
    (painted_run / "bandit" / "regret.json").write_text(json.dumps(result))
    _, arrays = draw(config, "regret", "opened")
    for figure, key in (
        ("regret", "regret_per_interaction"),
        ("regret", "cumulative_regret"),
        ("opened", "opened_by"),
    ):
        for name, level in (("ssnp", 0.2), ("random", 0.8)):
            found = arrays[figure]
            assert found[f"{key}/{name}/x"].tolist() == [1, 2]
            assert found[f"{key}/{name}/mean"].tolist() == [level, level / 2]
            assert found[f"{key}/{name}/low"].tolist() == [level - 0.1, level / 4]


def test_probes_figure_shows_probe_result(config, painted_run):
    models = (painted_run / "pretrain" / "vae", painted_run / "pretrain" / "statistician")
    data, out = painted_run / "dataset", painted_run / "probe"
    probe.run(probe.Config(data=data, models=models, out=out))
    result, _ = draw(config, "probes")
    assert result["skipped"] == {}
    assert (painted_run / "plot" / "probes.png").stat().st_size > 10_000


def test_probe_curves_need_several_settings(config, painted_run):
    models = (painted_run / "pretrain" / "vae", painted_run / "pretrain" / "statistician")
    settings = probe.Config(data=painted_run / "dataset", models=models, out=painted_run / "probe")
    probe.run(settings)
    names = ("probe_frames", "probe_doors")
    path = plot.run(replace(config, figures=("probes", *names)))
    skipped = json.loads(path.read_text())["skipped"]
    assert "`doorlab probe --frames" in skipped["probe_frames"]
    assert "`doorlab probe --probe-doors" in skipped["probe_doors"]
    probe.run(replace(settings, frames=(2, 4), probe_doors=(9, 40), overwrite=True))
    result, arrays = draw(replace(config, overwrite=True), *names)
    assert result["skipped"] == {}
    assert arrays["probe_frames"]["handedness/statistician/mean"].tolist() == [1.0, 1.0]
    assert arrays["probe_doors"]["width/vae/x"].tolist() == [9, 40]


def test_image_figures_omit_models_without_decoder(config, painted_run, monkeypatch):
    folder = painted_run / "pretrain" / "supervised"
    folder.mkdir()
    describe(folder, kind="supervised", image_size=16)
    blind = Reader()
    known = trained_model.load_model
    monkeypatch.setattr(
        trained_model, "load_model", lambda run: blind if run.name == "supervised" else known(run)
    )
    result, arrays = draw(config, "reconstructions", "samples", "embedding")
    assert result["skipped"] == {}
    assert set(arrays["reconstructions"]) == {"images", "vae", "statistician"}
    assert "embedding/supervised" in arrays["embedding"]


@pytest.mark.parametrize(("test_doors", "reward"), [(1, None), (3, None), (12, 0.0)])
def test_plot_of_few_doors_skips_undefined_figures(
    painted_run, few_doors, tmp_path, test_doors, reward
):
    data, out = few_doors(test_doors, reward), tmp_path / "out"
    figures = ("gallery", "embedding", "interpolations", "calibration", "adaptation")
    config = plot.Config(runs=(painted_run,), data=data, out=out, figures=figures)
    skipped = json.loads(plot.run(config).read_text())["skipped"]
    missing = {1: ["calibration", "embedding", "interpolations"], 3: ["calibration"], 12: []}
    assert sorted(skipped) == missing[test_doors]
    assert {file.stem for file in out.glob("*.png")} == set(figures) - set(skipped)
    if test_doors < 10:
        assert "has 10 test doors" in skipped["calibration"]
    if test_doors == 1:
        assert "one test door" in skipped["embedding"]
