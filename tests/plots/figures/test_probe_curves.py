"""Curves of probe scores: lines at the numbers, within a readable range."""

from __future__ import annotations

import numpy as np
import pytest

from doorlab.intervals import Estimate
from doorlab.plots.figures.curves import Curve
from doorlab.plots.figures.probe_curves import ProbeSubplot, probe_curves
from doorlab.plots.style import style_of


def curve(*means: float, at=(10, 100, 1000)) -> Curve:
    return Curve.of(at, [Estimate(m, (m - 0.05, m + 0.05), 9) for m in means])


SUBPLOTS = [
    ProbeSubplot(
        "swing", "accuracy", 0.6, {"vae": curve(0.7, 0.8, 0.9), "pca": curve(0.65, 0.7, 0.7)}
    ),
    ProbeSubplot("width", "r2", 0.0, {"vae": curve(-9.0, 0.3, 0.6), "pca": curve(0.1, 0.2, 0.3)}),
    ProbeSubplot("angle", "r2", 0.0, {"vae": curve(0.3, 0.6, at=(100, 1000))}),
]


def test_probe_curves_plot_data():
    figure = probe_curves("doors", SUBPLOTS)
    for axes, subplot in zip(figure.axes, SUBPLOTS, strict=False):
        lines = {line.get_label(): line for line in axes.get_lines()}
        for name, expected in subplot.curves.items():
            np.testing.assert_allclose(lines[name].get_xdata(), expected.x, rtol=0.1)
            assert lines[name].get_ydata().tolist() == expected.mean.tolist()
            assert lines[name].get_color() == style_of(name).color
        if len(subplot.curves) == 2:  # side by side, so that no interval hides another
            assert (lines["vae"].get_xdata() < lines["pca"].get_xdata()).all()
        spans = [bar.get_segments() for bar in axes.collections]
        drawn = {tuple(np.round(segment[:, 1], 9)) for bars in spans for segment in bars}
        for curve in subplot.curves.values():
            assert set(zip(curve.low.round(9), curve.high.round(9), strict=True)) <= drawn
        assert any(np.allclose(line.get_ydata(), subplot.guessing) for line in axes.get_lines())
        assert axes.get_title(loc="left") == subplot.label
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["10", "100", "1000"]


def test_probe_curves_limit_axis_for_failed_probe():
    axes = probe_curves("doors", SUBPLOTS).axes[1]
    assert axes.get_ylim()[0] >= -0.3
    assert axes.get_ylim()[1] >= 1.0


def test_probe_curves_name_axis_below_and_models_in_key():
    figure = probe_curves("frames", SUBPLOTS)
    named = [axes.get_xlabel() for axes in figure.axes[:3]]
    assert named == ["", "encoded frames per door", "encoded frames per door"]
    (key,) = figure.legends
    assert [t.get_text() for t in key.get_texts()] == ["VAE", "PCA"]


def test_probe_curves_draw_line_in_color_of_model(patch):
    figure = probe_curves("doors", SUBPLOTS)
    (line,) = [x for x in figure.axes[0].get_lines() if x.get_label() == "vae"]
    seen = patch(figure, figure.axes[0], line.get_xdata()[1], 0.8, reach=1).mean(axis=0)
    np.testing.assert_allclose(seen, [0xCC, 0x79, 0xA7], atol=12)


def test_probe_curves_reject_unknown_axis():
    with pytest.raises(KeyError):
        probe_curves("seeds", SUBPLOTS)
