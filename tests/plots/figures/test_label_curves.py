"""Curves by the number of labeled doors: lines where the numbers are."""

from __future__ import annotations

import numpy as np

from doorlab.intervals import Estimate
from doorlab.plots.figures.curves import Curve
from doorlab.plots.figures.label_curves import LabelSubplot, label_curves
from doorlab.plots.style import style_of

COUNTS = (20, 80, 400)


def curve(*means):
    return Curve.of(COUNTS, [Estimate(m, (m - 0.05, m + 0.05), 9) for m in means])


PANELS = [
    LabelSubplot("error", {"ssnp": curve(0.5, 0.3, 0.2), "np": curve(1.4, 0.8, 0.4)}),
    LabelSubplot("regret", {"ssnp": curve(0.3, 0.2, 0.1)}, {"gp_ucb": ("GP-UCB", 0.75)}),
]


def test_label_curves_plot_data_on_logarithmic_axis():
    figure = label_curves(PANELS)
    for axes, subplot in zip(figure.axes, PANELS, strict=True):
        assert axes.get_xscale() == "log"
        assert axes.get_title(loc="left") == subplot.heading
        assert [t.get_text() for t in axes.get_xticklabels()] == ["20", "80", "400"]
        lines = {line.get_label(): line for line in axes.get_lines()}
        for name, expected in subplot.curves.items():
            assert lines[name].get_ydata().tolist() == expected.mean.tolist()
            assert lines[name].get_color() == style_of(name).color
            np.testing.assert_allclose(lines[name].get_xdata(), COUNTS, rtol=0.1)
            assert axes.get_ylim()[1] > expected.high.max()
        assert axes.get_ylim()[0] == 0  # shares of 0: no curve is made to look steeper


def test_label_curves_draw_unlabeled_policy_as_level_line():
    axes = label_curves(PANELS).axes[1]
    levels = [line for line in axes.get_lines() if np.all(np.equal(line.get_ydata(), 0.75))]
    assert len(levels) == 1
    assert [text.get_text() for text in axes.texts] == ["GP-UCB"]
