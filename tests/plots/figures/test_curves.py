"""Curves: the lines and the pixels are the numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from doorlab.intervals import Estimate
from doorlab.plots.figures.curves import Curve, error_by_interactions, opened, regret
from doorlab.plots.style import style_of

TRIES = np.arange(1, 7)


def curve(start: float, end: float, width: float = 0.05) -> Curve:
    mean = np.linspace(start, end, len(TRIES))
    return Curve(TRIES.astype(float), mean, mean - width, mean + width)


CURVES = {"random": curve(0.9, 0.9), "ssnp": curve(0.2, 0.02, 0.01), "np": curve(0.4, 0.1)}


def line_of(axes, name):
    (line,) = [line for line in axes.get_lines() if line.get_label() == name]
    return line


def labels_of(axes):
    return {text.get_text(): text for text in axes.texts}


def near(pixels, color, tolerance=30):
    return (np.abs(pixels - 255 * np.array(to_rgb(color))).max(axis=1) < tolerance).any()


def test_curve_of_estimates_equals_curve_through_lists():
    estimates = [Estimate(0.5, (0.4, 0.7), 9), Estimate(0.2, (0.1, 0.3), 9)]
    a = Curve.of([1, 2], estimates)
    b = Curve.through([1, 2], [0.5, 0.2], [[0.4, 0.7], [0.1, 0.3]])
    for x, y in zip(vars(a).values(), vars(b).values(), strict=True):
        np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(a.low, [0.4, 0.1])


def test_regret_figure_plots_data_in_both_subplots():
    totals = {name: curve(0.0, 3.0) for name in CURVES}
    left, right = regret(CURVES, totals).axes
    for name in CURVES:
        np.testing.assert_array_equal(line_of(left, name).get_ydata(), CURVES[name].mean)
        np.testing.assert_array_equal(line_of(right, name).get_ydata(), totals[name].mean)
        assert line_of(left, name).get_color() == style_of(name).color
    assert left.get_title(loc="left") == "Regret per interaction"
    assert left.get_ylim()[0] == 0


def test_opened_figure_draws_curve_in_color_of_model(patch):
    figure = opened(CURVES)
    (axes,) = figure.axes
    for name, found in CURVES.items():
        color = style_of(name).color
        assert near(patch(figure, axes, found.x[3], found.mean[3]), color)
        assert not near(patch(figure, axes, found.x[3], found.mean[3] + 0.08), color)


def test_opened_figure_draws_band_between_its_ends(patch):
    figure = opened({"np": curve(0.5, 0.5, 0.2)})
    (axes,) = figure.axes
    inside = patch(figure, axes, 2.5, 0.62).mean(axis=0)
    outside = patch(figure, axes, 2.5, 0.75).mean(axis=0)
    assert outside.min() > 250
    assert inside[0] < 225  # blue: little red
    assert inside[2] > inside[0]


def test_opened_figure_labels_do_not_overlap(pixels_of):
    crowded = {name: curve(0.5, 0.1 + 0.001 * i) for i, name in enumerate(("ssnp", "np", "vae_np"))}
    figure = opened(crowded)
    pixels_of(figure)
    (axes,) = figure.axes
    labels = labels_of(axes)
    assert set(labels) == {"SSNP", "NP", "VAE + NP"}
    boxes = sorted((t.get_window_extent() for t in labels.values()), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in pairwise(boxes))
    assert all(box.x1 <= figure.bbox.width for box in boxes)
    assert labels["SSNP"].get_fontweight() == "bold"


def test_opened_figure_orders_labels_by_curve_ends(pixels_of):
    figure = opened(CURVES)
    pixels_of(figure)
    heights = {t: text.get_window_extent().y0 for t, text in labels_of(figure.axes[0]).items()}
    assert heights["SSNP"] < heights["NP"] < heights["random"]


def test_error_by_interactions_figure_shows_counts_and_variance():
    counts = (0, 1, 2, 4, 8, 16)
    found = Curve(np.arange(6.0), np.full(6, 0.01), np.full(6, 0.008), np.full(6, 0.012))
    (axes,) = error_by_interactions({"ssnp": found}, counts, 0.03).axes
    assert [t.get_text() for t in axes.get_xticklabels()] == [str(n) for n in counts]
    np.testing.assert_array_equal(line_of(axes, "ssnp").get_xdata(), range(6))
    (variance,) = [line for line in axes.get_lines() if line.get_ydata()[0] == 0.03]
    assert axes.get_ylim()[1] > 0.03
    assert variance.get_linestyle() == "--"


@pytest.mark.parametrize("names", [("ssnp",), ("unheard_of", "ssnp")])
def test_opened_figure_accepts_one_curve_and_unknown_names(names, pixels_of):
    figure = opened({name: curve(0.2, 0.4) for name in names})
    pixels_of(figure)
    assert set(labels_of(figure.axes[0])) == {style_of(name).label for name in names}
