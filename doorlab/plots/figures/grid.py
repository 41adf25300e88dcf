"""Grids of images: dataset gallery, reconstructions, samples, interpolations, traversals.

Legend: C images per row, H, W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from doorlab.plots.matplotlib_settings import default_settings
from doorlab.plots.style import DPI, FONT_SIZE, INK, MUTED, WIDTH, new_figure

_GAP, _GROUP_GAP = 2, 12  # pixels of the images
_LABEL_WIDTH, _HEAD_HEIGHT, _HEADING_HEIGHT, _MARGIN = 1.35, 0.3, 0.36, 0.05  # inches
_LABEL_LETTERS = 17  # characters per line of a label


@dataclass(frozen=True)
class Row:
    """One row of images.

    Attributes:
        label: text to the left of the row.
        images: uint8 (C, H, W, 3).
        color: color of the label.
    """

    label: str
    images: np.ndarray
    color: str = INK


@dataclass(frozen=True)
class Layout:
    """Positions of the images in the montage, in its pixels."""

    tops: tuple[int, ...]
    lefts: tuple[int, ...]
    side: tuple[int, int]  # height and width of one image
    size: tuple[int, int]  # height and width of the montage


def layout_of(groups: Sequence[Sequence[Row]], splits: Sequence[int] = ()) -> Layout:
    """Positions of all images, with larger gaps between groups of rows and before `splits`.

    Args:
        groups: groups of rows.
        splits: columns with a larger gap before them.
    """
    rows = [row for group in groups for row in group]
    columns, height, width, _ = rows[0].images.shape
    starts = {sum(len(g) for g in groups[:i]) for i in range(1, len(groups))}
    tops, top = [], 0
    for i in range(len(rows)):
        top += _GROUP_GAP - _GAP if i in starts else 0
        tops.append(top)
        top += height + _GAP
    lefts = tuple(
        i * (width + _GAP) + _GROUP_GAP * sum(split <= i for split in splits)
        for i in range(columns)
    )
    return Layout(tuple(tops), lefts, (height, width), (top - _GAP, lefts[-1] + width))


def montage(groups: Sequence[Sequence[Row]], splits: Sequence[int] = ()) -> np.ndarray:
    """All images in one, uint8 (height, width, 3), with white gaps. Arguments: see `layout_of`."""
    layout = layout_of(groups, splits)
    canvas = np.full((*layout.size, 3), 255, dtype=np.uint8)
    (height, width), rows = layout.side, [row for group in groups for row in group]
    for row, top in zip(rows, layout.tops, strict=True):
        for image, left in zip(row.images, layout.lefts, strict=True):
            canvas[top : top + height, left : left + width] = image
    return canvas


@default_settings()
def image_grid(
    groups: Sequence[Sequence[Row]],
    columns: Sequence[str] = (),
    splits: Sequence[int] = (),
    heading: str = "",
) -> Figure:
    """Draws groups of rows of images in the width of a page.

    Args:
        groups: groups of rows, for example one group per door; all rows have the same shape.
        columns: headers of the columns, aligned left; "" for columns without a header.
        splits: columns with a larger gap before them.
        heading: title of the figure.
    """
    layout, canvas = layout_of(groups, splits), montage(groups, splits)
    head = _HEAD_HEIGHT if any(columns) else _MARGIN
    head += _HEADING_HEIGHT if heading else 0.0
    image_width = WIDTH - _LABEL_WIDTH - _MARGIN
    image_height = image_width * layout.size[0] / layout.size[1]
    figure = new_figure(image_height + head + _MARGIN)
    figure.set_layout_engine("none")
    total = figure.get_figheight()
    axes = figure.add_axes(
        (_LABEL_WIDTH / WIDTH, _MARGIN / total, image_width / WIDTH, image_height / total)
    )
    axes.imshow(canvas, aspect="auto", extent=(0, layout.size[1], layout.size[0], 0))
    axes.axis("off")
    _label(axes, [row for group in groups for row in group], columns, layout)
    if heading:
        figure.text(
            _LABEL_WIDTH / WIDTH, 1 - 0.08 / total, heading, ha="left", va="top",
            fontsize=FONT_SIZE + 1, color=INK, fontweight="bold",
        )  # fmt: skip
    return figure


def _label(axes: Axes, rows: Sequence[Row], columns: Sequence[str], layout: Layout) -> None:
    pixel = layout.size[1] / ((WIDTH - _LABEL_WIDTH - _MARGIN) * DPI)  # of the figure
    for row, top in zip(rows, layout.tops, strict=True):
        axes.text(
            -14 * pixel,
            top + layout.side[0] / 2,
            "\n".join(fill(line, _LABEL_LETTERS) for line in row.label.split("\n")),
            ha="right",
            va="center",
            fontsize=FONT_SIZE - 0.5,
            color=row.color,
            linespacing=1.25,
            parse_math=False,  # names of footage may contain $
        )
    for text, left in zip(columns, layout.lefts, strict=False):
        axes.text(left, -10 * pixel, text, ha="left", va="bottom", fontsize=FONT_SIZE, color=MUTED)
