"""The plot stage: what it draws and measures, against the doors that were painted."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers.altered_runs import describe
from PIL import Image

from doorlab.data.dataset import DoorDataset
from doorlab.doors import get_prior, oracle_action
from doorlab.doors.action import MAX_SWING
from doorlab.errors import ConfigError, DatasetError, ResultError
from doorlab.evaluation import trained_model
from doorlab.models.encoders.base import FrameEmbeddingEncoder
from doorlab.plots import frames
from doorlab.plots.captions import CAPTIONS
from doorlab.plots.frames import stratified_sample
from doorlab.run_layout import RunFolders
from doorlab.seeding import stream
from doorlab.stages import plot, probe


@pytest.fixture
def config(painted_run):
    return plot.Config(runs=(painted_run,))


def draw(config, *names):
    """plot.json and the arrays of every requested figure."""
    path = plot.run(replace(config, figures=names))
    arrays = {name: np.load(path.parent / f"{name}.npz") for name in names}
    return json.loads(path.read_text()), arrays


def sources_of(config):
    folders = RunFolders.find(config.runs)
    return plot.PlotContext(folders, None, max_doors=200, seed=0, device="cpu")


def test_plot_figures_have_captions_and_vice_versa():
    assert set(plot.FIGURES) == set(CAPTIONS)


def test_gallery_shows_test_doors_from_closed_to_open(config, painted_run):
    _, arrays = draw(config, "gallery")
    images, doors = arrays["gallery"]["images"], arrays["gallery"]["doors"]
    dataset = DoorDataset.open(painted_run / "dataset")
    assert set(doors) <= set(dataset.indices("test"))
    blue = images[..., 2].mean(axis=(2, 3)).astype(float)  # the opening angle
    assert (np.diff(blue, axis=1) >= 0).all()
    assert blue[:, 0].max() == 0
    kinds = [(d.hinge_side, d.swing) for d in dataset.doors(doors)]
    assert len(set(kinds[:4])) == 4


def test_reconstructions_and_their_errors_match_models(config, painted_run):
    result, arrays = draw(config, "reconstructions")
    found = arrays["reconstructions"]
    np.testing.assert_array_equal(found["statistician"], found["images"])
    assert found["vae"][..., 0].max() == 0
    np.testing.assert_array_equal(found["vae"][..., 1:], found["images"][..., 1:])
    errors = result["metrics"]["reconstructions"]["reconstruction_mse"]
    assert errors["statistician"]["mean"] == pytest.approx(0, abs=1e-9)
    dataset = DoorDataset.open(painted_run / "dataset")
    red = dataset.read("images", dataset.indices("test"))[..., 0] / 255
    assert errors["vae"]["mean"] == pytest.approx((red**2).mean() / 3, rel=1e-4)


def test_new_frames_show_given_doors(config):
    _, arrays = draw(config, "new_frames")
    seen, new = arrays["new_frames"]["seen"], arrays["new_frames"]["new"]
    assert (len(seen), seen.shape[1] + new.shape[1]) == (6, 8)
    for door, drawn in zip(seen, new, strict=True):
        assert np.abs(drawn[..., :2].astype(int) - door[0, 0, 0, :2]).max() <= 1
        assert len(np.unique(drawn[:, 0, 0, 2])) > 1  # in several states


def test_samples_of_statistician_share_a_door_and_those_of_vae_do_not(config):
    _, arrays = draw(config, "samples")
    for kind, doors in (("statistician", 1), ("vae", 4)):
        row = arrays["samples"][kind][0]
        assert len(np.unique(row[:, 0, 0, :2], axis=0)) == doors


def test_traversals_change_one_latent_only(config):
    _, arrays = draw(config, "traversals")
    for label, channel in (("z1", 2), ("c1", 0), ("c2", 1)):
        colors = arrays["traversals"][label][:, 0, 0].astype(int)
        steps = np.diff(colors[:, channel])
        assert (steps >= 0).all()  # 0 where the color is as dark, or as bright, as can be
        assert (steps > 0).sum() >= 4
        assert np.ptp(np.delete(colors, channel, axis=1), axis=0).max() == 0


def test_traversals_are_centered_on_reconstruction_of_one_frame(config):
    _, arrays = draw(config, "traversals")
    sources = sources_of(config)
    door = stratified_sample(sources.doors, 1)[0]
    frame = trained_model.to_uint8(sources.statistician.reconstruct(sources.images))[door, 2]
    assert set(arrays["traversals"]) == {"z1", "c1", "c2"}
    for row in arrays["traversals"].values():
        np.testing.assert_array_equal(row[len(row) // 2], frame)


def test_traversals_labels_name_correlated_parameter(config):
    figure = plot.FIGURES["traversals"](sources_of(config)).figure
    labels = {t.get_text().split("\n")[0]: t.get_text() for t in figure.axes[0].texts}
    assert labels["z1"] == "z1\njoint angle\nr = 1.00"
    assert labels["c1"] == "c1\nhandedness\nr = 1.00"
    assert labels["c2"] == "c2\nwidth\nr = 1.00"


def test_interpolations_are_linear_between_real_doors(config, painted_run):
    _, arrays = draw(config, "interpolations")
    found, dataset = arrays["interpolations"], DoorDataset.open(painted_run / "dataset")
    assert found["doors"].shape == (4, 2)
    for k, pair in enumerate(found["doors"]):
        row, angles = found[f"pair {k}"], dataset.read("joint_position", pair)
        starts, ends = dataset.read("images", pair)
        np.testing.assert_array_equal(row[0], starts[2])
        nearest = np.abs(angles[1] - angles[0][2]).argmin()
        np.testing.assert_array_equal(row[-1], ends[nearest])
        between = row[1:-1, 0, 0].astype(float)
        assert np.abs(between[:, 2] - row[0, 0, 0, 2]).max() <= 1  # z stays
        straight = np.linspace(row[0, 0, 0, :2], row[-1, 0, 0, :2], len(between))
        assert np.abs(between[:, :2] - straight).max() <= 1  # c goes straight
    first, second = (dataset.doors(pair) for pair in found["doors"][:2])
    for pair in (first, second):
        assert pair[0].hinge_side != pair[1].hinge_side
        assert pair[0].swing == pair[1].swing


def shown(figure):
    """Renders a grid of images: the colors in the middle of each, (rows, columns, 3)."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    (axes,) = figure.axes
    left, right, bottom, top = axes.images[0].get_extent()
    found = axes.images[0].get_array()
    inside = (found != 255).any(axis=2)  # images, and not the white between them
    centers = []
    for lines in (inside.any(axis=1), inside.any(axis=0)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], lines.astype(int), [0]])))
        centers.append(edges.reshape(-1, 2).mean(axis=1))
    assert (left, top) == (0, 0)
    assert (right, bottom) == found.shape[1::-1]
    rows = []
    for y in centers[0]:
        places = axes.transData.transform([(x, y) for x in centers[1]])
        rows.append([pixels[len(pixels) - round(py), round(px)] for px, py in places])
    return np.array(rows, dtype=int)


def test_figures_render_their_images(config):
    for name in ("reconstructions", "interpolations", "traversals", "new_frames"):
        drawing = plot.FIGURES[name](sources_of(config))
        found = drawing.arrays
        if name == "reconstructions":
            order = ("images", "statistician", "vae")
            expected = [found[kind][k] for k in range(3) for kind in order]
        elif name == "interpolations":
            expected = [found[f"pair {k}"] for k in range(4)]
        elif name == "traversals":
            expected = [found[row] for row in ("z1", "c1", "c2")]
        else:
            expected = np.concatenate([found["seen"], found["new"]], axis=1)
        middle = np.array([row[:, 8, 8] for row in expected], dtype=int)
        assert np.abs(shown(drawing.figure) - middle).max() <= 2, name


class Reader(FrameEmbeddingEncoder):
    """Embeds frames by their mean color, and decodes nothing."""

    def embed_frames(self, x):
        return x.mean(dim=(3, 4))


def test_figures_omit_encoders_without_decoder(config):
    sources = sources_of(config)
    sources.pretrained["vae"] = replace(sources.pretrained["vae"], network=Reader())
    assert set(plot.FIGURES["reconstructions"](sources).arrays) == {"images", "statistician"}
    assert set(plot.FIGURES["samples"](sources).arrays) == {"real", "statistician"}
    assert [n for n in plot.FIGURES["correlations"](sources).arrays if n.startswith("vae")]


def test_samples_include_real_doors(config, painted_run):
    _, arrays = draw(config, "samples")
    dataset = DoorDataset.open(painted_run / "dataset")
    held_out = dataset.read("images", dataset.indices("test"))
    for real in arrays["samples"]["real"]:
        assert (held_out == real).all(axis=(1, 2, 3, 4)).any()


def test_correlations_match_numpy_and_painted_parameters(config, painted_run):
    _, arrays = draw(config, "correlations")
    c, z = arrays["correlations"]["statistician/c"], arrays["correlations"]["statistician/z"]
    dataset = DoorDataset.open(painted_run / "dataset")
    test = dataset.indices("test")
    images, doors = dataset.read("images", test), dataset.doors(test)
    green = images[..., 1].mean(axis=(2, 3)).mean(axis=1)
    height = np.array([door.height for door in doors])
    assert c[3, 1] == pytest.approx(np.corrcoef(green, height)[0, 1], abs=1e-4)
    blue = images[..., 2].mean(axis=(2, 3)).ravel()
    angle = dataset.read("joint_position", test).ravel()
    assert z[6, 0] == pytest.approx(np.corrcoef(blue, angle)[0, 1], abs=1e-4)
    assert c[0, 0] == pytest.approx(1)
    assert c[2, 1] > 0.99
    assert arrays["correlations"]["vae/z"].shape == (7, 2)


def test_embedding_shows_every_model_and_true_parameters(config, painted_run):
    _, arrays = draw(config, "embedding")
    found, dataset = arrays["embedding"], DoorDataset.open(painted_run / "dataset")
    doors = dataset.doors(dataset.indices("test"))
    np.testing.assert_array_equal(found["true/width"], [d.width for d in doors])
    red = found["embedding/statistician"][:, 0]
    np.testing.assert_array_equal(red > 0.5, [d.hinge_side == "right" for d in doors])
    np.testing.assert_allclose(
        found["embedding/ssnp"][:, :2], found["embedding/statistician"], rtol=1e-6
    )


def test_adaptation_errors_match_running_mean(config, painted_run):
    result, _ = draw(config, "adaptation")
    found, dataset = result["metrics"]["adaptation"], DoorDataset.open(painted_run / "dataset")
    rewards = dataset.read("rewards", dataset.indices("test"))
    assert found["context_counts"] == [0, 1, 2, 4]
    for n, estimate in zip(found["context_counts"], found["reward_mse"]["ssnp"], strict=True):
        said = rewards[:, :n].mean(axis=1, keepdims=True) if n else 0.0
        assert estimate["mean"] == pytest.approx(((rewards[:, 4:] - said) ** 2).mean(), rel=1e-4)
    assert found["reward_variance"] == pytest.approx(rewards[:, 4:].var())


def test_calibration_matches_predictions(config):
    result, arrays = draw(config, "calibration")
    found = arrays["calibration"]
    inside = np.abs(found["outcome"] - found["ssnp/mean"]) <= 1.6449 * found["ssnp/std"]
    levels = result["metrics"]["calibration"]["levels"]
    covered = result["metrics"]["calibration"]["coverage"]["ssnp"][levels.index(0.9)]
    assert covered["mean"] == pytest.approx(inside.mean())
    assert result["words"]["calibration"] == {"context": "4"}


def test_landscapes_are_slices_through_oracle_action(config, monkeypatch):
    sources, grids = sources_of(config), []
    network = sources.headline_model.network
    predict = network.predict

    def spied(embedding, context, actions):
        grids.append(actions.numpy())
        return predict(embedding, context, actions)

    monkeypatch.setattr(network, "predict", spied)
    arrays = plot.FIGURES["landscape"](sources).arrays
    doors = sources.dataset.doors(arrays["doors"])
    assert all(door.latch_angle > 0 for door in doors)
    assert arrays["maps"].shape[:2] == (3, len(doors))
    for grid in grids:
        for door, actions in zip(doors, grid, strict=True):
            distance = np.abs(actions - oracle_action(door))
            assert distance.max(axis=1).min() < 0.06  # the oracle's action is on the grid, nearly
            assert distance[:, 1].max() == 0
            assert ((actions >= -1) & (actions <= 1)).all()


def test_landscape_stars_are_at_oracle_action(config):
    sources = sources_of(config)
    drawing = plot.FIGURES["landscape"](sources)
    doors = sources.dataset.doors(drawing.arrays["doors"])
    maps = drawing.figure.axes[len(doors) : 2 * len(doors)]  # below the images: by hinge and swing
    stars = np.array([axes.get_lines()[0].get_xydata()[0] for axes in maps])
    assert np.unique(stars[:, 0]).tolist() == [0.0, 180.0]
    expected = [oracle_action(d)[2] * MAX_SWING for d in doors]
    np.testing.assert_allclose(stars[:, 1], expected, rtol=1e-6)


def test_landscapes_omit_sliding_doors(config):  # their swing is in meters
    sources = sources_of(config)
    latched = [i for i, door in enumerate(sources.doors) if door.latch_angle > 0]
    for i in latched[::2]:
        sources.doors[i] = replace(sources.doors[i], mechanism="sliding")
    shown = plot.FIGURES["landscape"](sources).arrays["doors"]
    assert set(shown) <= set(sources.indices[latched[1::2]])
    assert len(shown) > 0


def test_describe_names_sliding_door():
    doors = (get_prior("wild").sample(stream(0, i)) for i in range(100))
    said = {frames.describe(d) for d in doors if d.mechanism == "sliding"}
    assert said == {"slides, left", "slides, right"}


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
