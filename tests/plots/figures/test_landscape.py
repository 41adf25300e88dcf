"""Landscapes: maps the right way up, stars on the best actions."""

from __future__ import annotations

import numpy as np

from doorlab.plots.figures.landscape import Slice, landscapes

A, K = 21, 2


def draw():
    rewards = np.zeros((K, A, A))
    rewards[0, -1, 0] = 1.0  # best at the upper left: highest y, lowest x
    rewards[1, 0, -1] = 1.0  # and at the lower right
    best = np.array([[-0.9, 1.8], [0.9, -1.8]])
    ends = (-1.0, 1.0), (-2.0, 2.0)
    piece = Slice(
        "images only", rewards, "turn", "swing", *ends, best, {-0.5: "left", 0.5: "right"}
    )
    photos = np.zeros((K, 8, 8, 3), np.uint8)
    photos[1, ..., 2] = 200
    return landscapes(photos, ["left, pull", "right, push"], [piece]), piece


def test_landscape_maps_are_upright_with_stars_at_best_action(patch):
    figure, piece = draw()
    for axes, best, corner in zip(
        figure.axes[2:4], piece.best, [(-0.98, 1.97), (0.98, -1.97)], strict=True
    ):
        assert axes.get_xlim() == piece.x_range
        assert axes.get_ylim() == piece.y_range
        assert [t.get_text() for t in axes.get_xticklabels()] == ["left", "right"]
        (star,) = axes.get_lines()
        assert (star.get_xdata()[0], star.get_ydata()[0]) == tuple(best)
        np.testing.assert_allclose(
            patch(figure, axes, *corner, reach=0)[0], [253, 231, 37], atol=12
        )
        np.testing.assert_allclose(patch(figure, axes, 0.0, 0.0)[0], [68, 1, 84], atol=3)
        np.testing.assert_allclose(patch(figure, axes, *best, reach=1).mean(axis=0), 255, atol=10)


def test_landscape_images_are_above_their_maps(patch):
    figure, _ = draw()
    assert [a.get_title() for a in figure.axes[:2]] == ["left, pull", "right, push"]
    np.testing.assert_allclose(
        patch(figure, figure.axes[1], 4, 4).mean(axis=0), [0, 0, 200], atol=2
    )
    for photo, below in zip(figure.axes[:2], figure.axes[2:4], strict=True):
        a, b = photo.get_window_extent(), below.get_window_extent()
        assert abs((a.x0 + a.x1) - (b.x0 + b.x1)) < 4
        assert a.y0 > b.y1
