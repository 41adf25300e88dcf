"""Figure of predicted rewards on slices of the action space, with images of the doors.

Legend: K doors, S slices, A grid points per axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from doorlab.plots.matplotlib_settings import default_settings
from doorlab.plots.style import FONT_SIZE, INK, MUTED, new_figure, style_axes

COLOR_MAP = "viridis"


@dataclass(frozen=True)
class Slice:
    """One row of maps: the rewards of actions that differ in two of their four coordinates.

    Attributes:
        label: context of the predictions.
        rewards: (K, A, A), first axis `y`, second `x`, both from low to high.
        x, y: names and units of the axes.
        x_range, y_range: ends of the axes, in those units.
        best: (K, 2): the oracle's action in this slice, as (x, y).
        x_ticks: position -> label of ticks on the x axis; numbers if empty.
    """

    label: str
    rewards: np.ndarray
    x: str
    y: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    best: np.ndarray
    x_ticks: Mapping[float, str] = field(default_factory=dict)


@default_settings()
def landscapes(photos: np.ndarray, names: Sequence[str], slices: Sequence[Slice]) -> Figure:
    """Draws a column per door: its image, and maps of the predicted rewards of actions.

    Args:
        photos: images of the doors, uint8 (K, H, W, 3).
        names: (K,) descriptions of the doors.
        slices: rows of maps.
    """
    count = len(photos)
    figure = new_figure(7.0 / count * (len(slices) + 1) + 1.1)
    subplots = figure.subplots(len(slices) + 1, count, squeeze=False)
    for axes, photo, name in zip(subplots[0], photos, names, strict=True):
        axes.imshow(photo)
        axes.set_title(name, fontsize=FONT_SIZE, color=INK)
        axes.axis("off")
    images: list[AxesImage] = []
    for row, piece in zip(subplots[1:], slices, strict=True):
        images += [_map(axes, piece, k) for k, axes in enumerate(row)]
        for axes in row[1:]:
            axes.tick_params(labelleft=False)
        row[0].set_ylabel(f"{piece.label}\n\n{piece.y}", fontsize=FONT_SIZE, color=INK)
        for axes in row:
            axes.set_xlabel(piece.x)
    bar = figure.colorbar(images[0], ax=subplots[1:].ravel().tolist(), location="bottom", aspect=50)
    bar.set_label("predicted reward (share of the full opening); ☆ best action", color=MUTED)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(labelsize=FONT_SIZE - 1, colors=MUTED)
    return figure


def _map(axes: Axes, piece: Slice, k: int) -> AxesImage:
    image = axes.imshow(
        piece.rewards[k],
        origin="lower",
        extent=(*piece.x_range, *piece.y_range),
        aspect="auto",
        cmap=COLOR_MAP,
        vmin=0,
        vmax=1,
    )
    axes.plot(*piece.best[k], "*", markersize=13, color="white", markeredgecolor=INK)
    axes.set_box_aspect(1)
    style_axes(axes, grid="")
    if piece.x_ticks:
        axes.set_xticks(list(piece.x_ticks), list(piece.x_ticks.values()))
    return image
