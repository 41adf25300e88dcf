"""What probes read, by the number of frames or of labelled doors: a panel per target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from doorlab.report.figures.curves import Curve
from doorlab.report.style import FONT_SIZE, MUTED, in_order, new_figure, quiet, style_of, title

AXES = {"frames": "frames seen of a door", "doors": "doors that the probe was fitted on"}
_COLUMNS = 2
_LOWEST = -0.25  # R^2 below this is cut off: with few doors it has no floor


@dataclass(frozen=True)
class Panel:
    """One target.

    Attributes:
        label: of the target.
        metric: "accuracy" or "r2".
        guessing: the score of always saying the same.
        curves: model -> score along the axis.
    """

    label: str
    metric: str
    guessing: float
    curves: Mapping[str, Curve]


def probe_curves(axis: str, panels: Sequence[Panel]) -> Figure:
    """Scores against `axis`, a key of `AXES`, on a logarithmic scale; higher is better."""
    rows = -(-len(panels) // _COLUMNS)
    figure = new_figure(0.7 + 2.2 * rows)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    places = np.unique(np.concatenate([c.x for panel in panels for c in panel.curves.values()]))
    for axes, panel in zip(grid.ravel(), panels, strict=False):
        _draw(axes, panel, places)
    for axes in grid.ravel()[len(panels) :]:
        axes.axis("off")
    below = [grid[row][column] for column, row in _last_rows(len(panels))]
    for axes in below:
        axes.set_xlabel(AXES[axis])
    models = in_order({model for panel in panels for model in panel.curves})
    figure.legend(
        handles=[_key(name) for name in models], loc="outside upper center",
        ncols=min(3, len(models)), frameon=False, fontsize=FONT_SIZE,
    )  # fmt: skip
    return figure


def _draw(axes: Axes, panel: Panel, places: np.ndarray) -> None:
    axes.axhline(panel.guessing, color=MUTED, linewidth=1, linestyle=":")
    axes.set_xscale("log")
    # Bands of six models would hide one another: bars side by side do not.
    for name, factor in zip(in_order(panel.curves), _sidesteps(len(panel.curves)), strict=True):
        _bars(axes, name, panel.curves[name], factor)
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.set_xlim(places[0] / 1.25, places[-1] * 1.25)
    axes.minorticks_off()
    lows = [float(np.min(curve.low)) for curve in panel.curves.values()]
    axes.set_ylim(max(min([panel.guessing, *lows]) - 0.03, _LOWEST), 1.02)
    title(axes, panel.label)
    quiet(axes)
    axes.set_ylabel("accuracy" if panel.metric == "accuracy" else "R²")


def _sidesteps(count: int) -> np.ndarray:
    """(count,): by what each model's places are multiplied, a few percent about 1."""
    return 1.025 ** (np.arange(count) - (count - 1) / 2)


def _bars(axes: Axes, name: str, curve: Curve, factor: float) -> None:
    style, x = style_of(name), curve.x * factor
    axes.vlines(x, curve.low, curve.high, color=style.color, linewidth=1.4, alpha=0.5)
    axes.plot(
        x, curve.mean, color=style.color, linestyle=style.line, marker=style.marker,
        markersize=5, linewidth=1.6, label=name,
    )  # fmt: skip


def _last_rows(count: int) -> list[tuple[int, int]]:
    """(column, row) of the lowest panel of every column."""
    return [(c, (count - 1 - c) // _COLUMNS) for c in range(min(_COLUMNS, count))]


def _key(name: str) -> Line2D:
    style = style_of(name)
    key = Line2D([], [], color=style.color, marker=style.marker, label=style.label)
    key.set_linestyle(style.line)  # pyright: ignore[reportArgumentType]
    return key
