"""The plot stage: what it draws and measures, against the doors that were painted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.plotting import Reader, draw, sources_of

from doorlab.data.dataset import DoorDataset
from doorlab.doors import get_prior, oracle_action
from doorlab.doors.action import MAX_SWING
from doorlab.evaluation import trained_model
from doorlab.plots import frames
from doorlab.plots.captions import CAPTIONS
from doorlab.plots.frames import stratified_sample
from doorlab.seeding import stream
from doorlab.stages import plot


@pytest.fixture
def config(painted_run):
    return plot.Config(runs=(painted_run,))


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
