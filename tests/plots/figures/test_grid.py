"""Grids of images: every image is in its place, with its own pixels."""

from __future__ import annotations

import numpy as np

from doorlab.plots.figures.grid import Row, image_grid, layout_of, montage
from doorlab.plots.style import STYLES


def row(label: str, value: int, columns: int = 3, side: int = 16) -> Row:
    """Images of one color each, which encodes row and column."""
    images = np.zeros((columns, side, side, 3), np.uint8)
    images[..., 0] = value
    images[..., 1] = (40 * np.arange(columns))[:, None, None]
    return Row(label, images)


def test_montage_holds_every_image_unchanged():
    rng = np.random.default_rng(0)
    groups = [
        [Row("a", rng.integers(0, 255, (4, 8, 6, 3), dtype=np.uint8)) for _ in range(count)]
        for count in (2, 1)
    ]
    canvas, layout = montage(groups, splits=(2,)), layout_of(groups, splits=(2,))
    assert canvas.shape == (*layout.size, 3)
    covered = np.zeros(layout.size, bool)
    for r, top in zip([r for g in groups for r in g], layout.tops, strict=True):
        for image, left in zip(r.images, layout.lefts, strict=True):
            np.testing.assert_array_equal(canvas[top : top + 8, left : left + 6], image)
            assert not covered[top : top + 8, left : left + 6].any()
            covered[top : top + 8, left : left + 6] = True
    assert (canvas[~covered] == 255).all()


def test_image_grid_label_is_not_parsed_as_formula():
    figure = image_grid([[row(r"$\x$", 1)]])
    figure.canvas.draw()  # would fail to parse it


def test_layout_separates_groups_more_than_rows():
    layout = layout_of([[row("a", 1), row("b", 2)], [row("c", 3)]])
    first, second, third = layout.tops
    assert third - second > second - first


def test_layout_split_separates_columns():
    first, second, third = layout_of([[row("a", 1)]], splits=(2,)).lefts
    assert third - second > second - first
    assert layout_of([[row("a", 1)]]).lefts == (0, 18, 36)


def test_layout_accepts_several_splits():
    lefts = layout_of([[row("a", 1, columns=5)]], splits=(1, 4)).lefts
    wide, close = lefts[1] - lefts[0], lefts[2] - lefts[1]
    assert np.diff(lefts).tolist() == [wide, close, close, wide]
    assert wide > close


def test_image_grid_heading_is_above_column_heads(pixels_of):
    groups = [[row("one", 200)]]
    figure = image_grid(groups, ["x"], heading="What to see")
    pixels = pixels_of(figure)
    (axes,), (heading,) = figure.axes, figure.texts
    head = next(t for t in axes.texts if t.get_text() == "x").get_window_extent()
    box = heading.get_window_extent()
    assert axes.get_window_extent().y1 <= head.y0 < head.y1 <= box.y0 < box.y1 <= figure.bbox.height
    assert box.x0 == axes.get_window_extent().x0
    assert pixels.shape[0] > pixels_of(image_grid(groups, ["x"])).shape[0]


def test_image_grid_renders_pixels_of_images(patch):
    groups = [[row("one", 200), row("two", 100)], [row("three", 30)]]
    figure = image_grid(groups, ["x", "y", "z"])
    (axes,) = figure.axes
    layout = layout_of(groups)
    for r, top in zip([r for g in groups for r in g], layout.tops, strict=True):
        for image, left in zip(r.images, layout.lefts, strict=True):
            seen = patch(figure, axes, left + 8, top + 8).mean(axis=0)
            np.testing.assert_allclose(seen, image[8, 8], atol=2)


def test_image_grid_labels_of_all_models_fit(pixels_of):
    rows = [row(style.label, 1) for style in STYLES.values()]
    figure = image_grid([rows])
    pixels_of(figure)
    texts = figure.axes[0].texts
    assert all(text.get_window_extent().x0 >= 0 for text in texts)
    assert [text.get_text().replace("\n", " ") for text in texts] == [r.label for r in rows]


def test_image_grid_labels_are_level_with_rows_and_inside_figure(pixels_of):
    figure = image_grid([[row("statistician", 1), row("two\nlines", 2)]], ["head"])
    pixels_of(figure)
    (axes,) = figure.axes
    for text in axes.texts:
        box = text.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        assert 0 <= box.y0 < box.y1 <= figure.bbox.height
    label = next(t for t in axes.texts if t.get_text() == "statistician").get_window_extent()
    assert label.x1 < axes.get_window_extent().x0
    middle = axes.transData.transform((0, 8))[1]
    assert label.y0 < middle < label.y1
