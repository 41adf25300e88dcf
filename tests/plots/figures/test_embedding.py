"""Embedding maps against scikit-learn's PCA, and the colors of the points."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.colors import to_rgba
from sklearn.decomposition import PCA

from doorlab.plots.figures.embedding import Parameter, embedding_map, principal_components

RNG = np.random.default_rng(0)
EMBEDDINGS = RNG.normal(size=(50, 6)) * np.array([5, 3, 1, 1, 1, 1]) + 4.0


def test_principal_components_match_scikit_learn_up_to_sign():
    ours, theirs = principal_components(EMBEDDINGS), PCA(2).fit_transform(EMBEDDINGS)
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours, theirs * signs, atol=1e-9)


def test_principal_components_signs_are_independent_of_order():
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


def test_embedding_map_plots_components_colored_by_parameter():
    figure, parameters = draw()
    grid = np.array([a for a in figure.axes if a.collections]).reshape(2, 2)
    key = {text.get_text(): text.get_color() for text in grid[-1, 0].texts}
    for row, embeddings in zip(grid, (-EMBEDDINGS, EMBEDDINGS), strict=True):
        sides, widths = (axes.collections[0] for axes in row)
        np.testing.assert_allclose(sides.get_offsets(), principal_components(embeddings))
        shown = sides.get_facecolors()[:, :3]
        expected = [to_rgba(key[("left", "right")[v]])[:3] for v in parameters["side"].values]
        np.testing.assert_allclose(shown, expected)
        np.testing.assert_array_equal(widths.get_array(), parameters["width"].values)


def test_embedding_map_draws_points_in_color_of_parameter(patch):
    """Doors apart in a row: blue for the left ones, orange for the right ones."""
    places = np.stack([np.arange(10.0), np.zeros(10)], axis=1)
    sides = np.arange(10) % 2
    figure = embedding_map({"vae": places}, {"side": Parameter("side", sides, ("left", "right"))})
    (axes,) = (a for a in figure.axes if a.collections)
    for (x, y), side in zip(principal_components(places), sides, strict=True):
        red, _, blue = patch(figure, axes, x, y, reach=1).mean(axis=0)
        assert (red > blue) == (side == 1)


def test_embedding_map_fits_six_parameters(pixels_of):
    names = ("handedness", "swing", "width\n(m)", "height\n(m)", "handle height\n(m)")
    names += ("place in the wall\n(m)",)
    parameters = {n: Parameter(n, RNG.uniform(-0.3, 0.3, 50)) for n in names}
    figure = embedding_map({"vae": EMBEDDINGS}, parameters)
    pixels_of(figure)
    maps = [a for a in figure.axes if a.collections]
    for texts in ([a.title for a in maps], [t for a in maps for t in a.texts]):
        boxes = sorted((t.get_window_extent() for t in texts), key=lambda box: box.x0)
        assert boxes[0].x0 >= 0
        assert boxes[-1].x1 <= figure.bbox.width
        for left, right in pairwise(boxes):
            assert left.x1 <= right.x0


def test_embedding_map_names_models_and_color_keys(pixels_of):
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
