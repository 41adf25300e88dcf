"""Embedding maps against scikit-learn's PCA, and the colours of the points."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgba
from sklearn.decomposition import PCA

from doorlab.report.figures.embedding import (
    _CATEGORY_COLORS,
    Parameter,
    embedding_map,
    principal_components,
)

RNG = np.random.default_rng(0)
EMBEDDINGS = RNG.normal(size=(50, 6)) * np.array([5, 3, 1, 1, 1, 1]) + 4.0


def test_components_are_those_of_scikit_learn_up_to_sign():
    ours, theirs = principal_components(EMBEDDINGS), PCA(2).fit_transform(EMBEDDINGS)
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours, theirs * signs, atol=1e-9)


def test_signs_do_not_depend_on_the_order_of_doors():
    order = RNG.permutation(50)
    np.testing.assert_allclose(
        principal_components(EMBEDDINGS)[order], principal_components(EMBEDDINGS[order]), atol=1e-9
    )


def draw():
    parameters = {
        "side": Parameter("side", RNG.integers(0, 2, 50), ("left", "right")),
        "width": Parameter("width, m", RNG.uniform(0.6, 1.0, 50)),
    }
    figure = embedding_map({"vae": EMBEDDINGS, "statistician": -EMBEDDINGS}, parameters)
    return figure, parameters


def test_points_are_the_components_and_colours_the_parameters():
    figure, parameters = draw()
    grid = np.array([a for a in figure.axes if a.collections]).reshape(2, 2)
    for row, embeddings in zip(grid, (-EMBEDDINGS, EMBEDDINGS), strict=True):
        sides, widths = (axes.collections[0] for axes in row)
        np.testing.assert_allclose(sides.get_offsets(), principal_components(embeddings))
        shown = sides.get_facecolors()[:, :3]
        expected = [to_rgba(_CATEGORY_COLORS[v])[:3] for v in parameters["side"].values]
        np.testing.assert_allclose(shown, expected)
        np.testing.assert_array_equal(widths.get_array(), parameters["width"].values)


def test_rows_are_named_after_models_and_keys_stand_below(pixels_of):
    figure, parameters = draw()
    pixels_of(figure)
    grid = np.array([a for a in figure.axes if a.collections]).reshape(2, 2)
    assert [row[0].get_ylabel() for row in grid] == ["statistician", "VAE"]
    texts = {t.get_text() for axes in grid[-1] for t in axes.texts}
    low, high = parameters["width"].values.min(), parameters["width"].values.max()
    assert texts == {"left", "right", f"{low:.2f}", f"{high:.2f}"}
    for axes in grid[-1]:
        for text in axes.texts:
            assert text.get_window_extent().y0 >= 0
