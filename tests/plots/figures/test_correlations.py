"""Correlations against numpy's, and the rendered colors."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import colormaps

from doorlab.plots.figures.correlations import (
    COLOR_MAP,
    correlation_maps,
    correlations,
    strongest_first,
)

RNG = np.random.default_rng(0)


def test_correlations_match_numpy():
    latents, parameters = RNG.normal(size=(40, 5)), RNG.normal(size=(40, 3)) * [1e-3, 1, 1e3]
    expected = np.corrcoef(parameters.T, latents.T)[:3, 3:]
    np.testing.assert_allclose(correlations(latents, parameters), expected, atol=1e-12)


def test_correlations_of_constants_are_zero():
    """Also of constants whose mean over many doors is rounded, such as 0.1 over 10 doors."""
    for doors in range(2, 30):
        for constant in (0.1, 0.3, 1.0, 1e6 / 7):
            latents, parameters = RNG.normal(size=(doors, 2)), RNG.normal(size=(doors, 2))
            latents[:, 1] = parameters[:, 0] = constant
            found = correlations(latents, parameters)
            assert found[0].tolist() == [0, 0]
            assert found[1, 1] == 0
            assert found[1, 0] != 0


def test_strongest_first_groups_latents_by_parameter():
    found = np.array([[0.1, -0.9, 0.5, 0.0], [0.8, 0.2, 0.4, -0.95]])
    assert strongest_first(found).tolist() == [1, 2, 3, 0]


@pytest.fixture
def drawn():
    found = {
        "vae": {"z": RNG.uniform(-1, 1, (3, 4))},
        "statistician": {"c": RNG.uniform(-1, 1, (3, 5)), "z": RNG.uniform(-1, 1, (3, 2))},
    }
    return found, correlation_maps(found, ["width", "height", "angle"])


def test_correlations_figure_colors_cells_by_value(drawn, patch):
    found, figure = drawn
    subplot = figure.axes[0]  # the statistician's
    ticks = [t.get_text() for t in subplot.get_xticklabels()]
    assert sorted(ticks[:5]) == ["c1", "c2", "c3", "c4", "c5"]
    assert sorted(ticks[5:]) == ["z1", "z2"]
    for column, name in enumerate(ticks):
        values = found["statistician"][name[0]][:, int(name[1:]) - 1]
        for row, value in enumerate(values):
            expected = 255 * np.array(colormaps[COLOR_MAP]((value + 1) / 2)[:3])
            seen = patch(figure, subplot, column, row).mean(axis=0)
            np.testing.assert_allclose(seen, expected, atol=3)


def test_correlations_figure_has_named_rows_and_subplot_per_model(drawn, pixels_of):
    _, figure = drawn
    pixels_of(figure)
    above, below = figure.axes[:2]
    assert above.get_title(loc="left").startswith("statistician")
    assert below.get_title(loc="left").startswith("VAE")
    assert [t.get_text() for t in below.get_yticklabels()] == ["width", "height", "angle"]
    for axes in (above, below):
        for text in axes.get_yticklabels():
            assert text.get_window_extent().x0 >= 0
