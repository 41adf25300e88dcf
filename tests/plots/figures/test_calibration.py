"""The calibration figure shows the statistics that it was given."""

from __future__ import annotations

import numpy as np

from doorlab.evaluation.calibration import LEVELS, coverage, reliability
from doorlab.plots.figures.calibration import calibration


def test_calibration_figure_plots_bins_and_coverage(patch):
    rng = np.random.default_rng(0)
    mean = rng.random((80, 10))
    outcome = mean + 0.1 * rng.normal(size=mean.shape)
    bins = {"ssnp": reliability(mean, outcome)}
    covered = {"ssnp": coverage(mean, np.full_like(mean, 0.1), outcome)}
    figure = calibration(bins, covered)
    left, right = figure.axes
    reliable = next(line for line in left.get_lines() if line.get_label() == "ssnp")
    np.testing.assert_array_equal(reliable.get_xdata(), [b.predicted for b in bins["ssnp"]])
    np.testing.assert_array_equal(reliable.get_ydata(), [b.observed.mean for b in bins["ssnp"]])
    drawn = next(line for line in right.get_lines() if line.get_label() == "ssnp")
    np.testing.assert_array_equal(drawn.get_xdata(), LEVELS)
    np.testing.assert_array_equal(drawn.get_ydata(), [e.mean for e in covered["ssnp"]])
    seen = patch(figure, right, LEVELS[2], covered["ssnp"][2].mean, reach=1).mean(axis=0)
    np.testing.assert_allclose(seen, [0xD5, 0x5E, 0x00], atol=10)


def test_calibration_figure_is_square_with_diagonal(pixels_of):
    bins = {"np": reliability(np.full((10, 2), 0.5), np.full((10, 2), 0.4))}
    covered = {"np": coverage(np.zeros((5, 2)), np.ones((5, 2)), np.zeros((5, 2)))}
    figure = calibration(bins, covered)
    pixels_of(figure)
    for axes in figure.axes:
        (ideal,) = [line for line in axes.get_lines() if line.get_label() == "ideal"]
        np.testing.assert_array_equal(ideal.get_xdata(), ideal.get_ydata())
        box = axes.get_window_extent()
        assert abs(box.width - box.height) < 2
