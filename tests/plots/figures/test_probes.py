"""Probe scores: dots and bars where the numbers are."""

from __future__ import annotations

import numpy as np

from doorlab.intervals import Estimate
from doorlab.plots.figures.probes import probes
from doorlab.plots.style import style_of

SCORES = {
    "vae": {"handedness": Estimate(0.6, (0.5, 0.7), 9), "width": Estimate(-0.1, (-0.2, 0.0), 9)},
    "statistician": {"handedness": Estimate(0.95, (0.9, 0.99), 9)},
}


def draw(**guessing):
    return probes(SCORES, {"handedness": "handedness"}, {"width": "width"}, guessing)


def test_probes_figure_marks_guessing_level_per_target():
    for given, shares, row in (
        ({"handedness": 0.657}, [(0.657, 0.657)], "handedness\n(guessing 0.66)"),
        ({}, [], "handedness"),
    ):
        upper, _ = draw(**given).axes
        dotted = [line for line in upper.get_lines() if line.get_linestyle() == ":"]
        assert [tuple(line.get_xdata()) for line in dotted] == shares
        assert [t.get_text() for t in upper.get_yticklabels()] == [row]
        assert not upper.texts  # that could lie on a dot


def test_probes_figure_plots_estimates_with_intervals():
    upper, lower = draw().axes
    for name in SCORES:
        (dot,) = [line for line in upper.get_lines() if line.get_label() == name]
        estimate = SCORES[name]["handedness"]
        assert dot.get_xdata()[0] == estimate.mean
        assert dot.get_color() == style_of(name).color
        (bar,) = [x for x in upper.get_lines() if tuple(x.get_xdata()) == estimate.ci95]
        assert bar.get_ydata()[0] == dot.get_ydata()[0]
    assert [line.get_label() for line in lower.get_lines()].count("statistician") == 0
    assert lower.get_xlim()[0] <= -0.2
    assert [t.get_text() for t in lower.get_yticklabels()] == ["width"]


def test_probes_figure_draws_dot_in_color_of_model(patch):
    figure = draw()
    upper = figure.axes[0]
    (dot,) = [line for line in upper.get_lines() if line.get_label() == "statistician"]
    seen = patch(figure, upper, dot.get_xdata()[0], dot.get_ydata()[0], reach=1).mean(axis=0)
    np.testing.assert_allclose(seen, [0x00, 0x9E, 0x73], atol=10)


def test_probes_figure_has_row_per_model_and_key():
    figure = draw()
    heights = [
        line.get_ydata()[0] for line in figure.axes[0].get_lines() if line.get_label() in SCORES
    ]
    assert len(set(heights)) == 2
    (key,) = figure.legends
    assert [t.get_text() for t in key.get_texts()] == ["statistician", "VAE"]
