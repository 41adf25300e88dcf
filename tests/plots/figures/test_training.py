"""Training curves: losses as they were, smoothed but not shifted."""

from __future__ import annotations

import numpy as np

from doorlab.plots.figures.training import TrainingHistory, smooth, training


def history(level: float) -> TrainingHistory:
    steps = np.arange(0, 500, 10)
    loss = level + np.exp(-steps / 50)
    return TrainingHistory("loss", steps, loss, steps[9::10], loss[9::10] + 0.1)


def test_smooth_keeps_straight_lines_and_constants():
    line = np.arange(40.0)
    np.testing.assert_allclose(smooth(line)[4:-4], line[4:-4])
    np.testing.assert_allclose(smooth(np.full(7, 2.5)), 2.5)
    assert smooth(np.array([3.0])).tolist() == [3.0]


def test_smooth_is_mean_of_window():
    values = np.random.default_rng(0).normal(size=30)
    expected = [values[max(0, i - 4) : i + 5].mean() for i in range(30)]
    np.testing.assert_allclose(smooth(values, window=9), expected)


def test_training_figure_has_subplot_per_run():
    runs = {
        "vae": history(3.0),
        "ssnp": history(1.0),
        "np": history(2.0),
        "statistician": history(4.0),
    }
    subplots = training(runs).axes
    shown = {axes.get_title(loc="left"): axes for axes in subplots if axes.get_title(loc="left")}
    assert list(shown) == ["SSNP", "NP", "statistician", "VAE"]
    assert shown["VAE"].get_ylabel() == "loss"
    losses, validation = shown["VAE"].get_lines()
    np.testing.assert_allclose(losses.get_ydata(), smooth(runs["vae"].loss))
    np.testing.assert_array_equal(validation.get_ydata(), runs["vae"].validation_loss)
    assert sum(axes.axison for axes in subplots) == 4  # those without a run are blank


def test_training_figure_plots_divergences_below_in_nats(pixels_of):
    plain, vae = history(2.0), history(3.0)
    costs = {"c": np.linspace(80, 100, 50), "z": np.linspace(1, 10, 50)}
    costly = TrainingHistory(**{**vars(plain), "divergences": costs})
    figure = training({"statistician": costly, "vae": vae})
    pixels_of(figure)
    subplots = {a.get_title(loc="left"): a for a in figure.axes if a.axison}
    assert list(subplots) == ["statistician", "VAE", "statistician: KL"]
    below = subplots["statistician: KL"]
    for line in below.get_lines():
        np.testing.assert_allclose(line.get_ydata(), smooth(costs[line.get_label()]))
    assert below.get_ylabel() == "nats"
    assert below.get_position().y1 < subplots["statistician"].get_position().y0
    names = {t.get_text(): t.get_window_extent() for t in below.texts}
    assert names["c"].y0 > names["z"].y1
    assert all(box.x1 <= figure.bbox.width for box in names.values())


def test_training_figure_accepts_missing_validation_and_few_points(pixels_of):
    empty = np.array([])
    runs = {"ssnp": TrainingHistory("loss", np.array([1]), np.array([0.5]), empty, empty)}
    assert pixels_of(training(runs)).min() < 200
