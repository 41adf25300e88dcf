"""Figure of probe scores by number of frames or labeled doors, with one subplot per target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from doorlab.plots.figures.curves import Curve, draw_bars, name_above
from doorlab.plots.matplotlib_settings import default_settings
from doorlab.plots.style import MUTED, new_figure, sort_models, style_axes, title

AXES = {"frames": "encoded frames per door", "doors": "doors that the probe is fitted on"}
_COLUMNS = 2
_LOWEST = -0.25  # lower end of the R^2 axis; R^2 is unbounded below and very low with few doors


@dataclass(frozen=True)
class ProbeSubplot:
    """Data of one subplot: the scores of one target.

    Attributes:
        label: label of the target.
        metric: "accuracy" or "r2".
        guessing: score of a constant prediction.
        curves: model -> score along the axis.
    """

    label: str
    metric: str
    guessing: float
    curves: Mapping[str, Curve]


@default_settings()
def probe_curves(axis: str, subplots: Sequence[ProbeSubplot]) -> Figure:
    """Draws scores along `axis`, a key of `AXES`, on a logarithmic scale; higher is better."""
    rows = -(-len(subplots) // _COLUMNS)
    figure = new_figure(0.7 + 2.2 * rows)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    places = np.unique(
        np.concatenate([c.x for subplot in subplots for c in subplot.curves.values()])
    )
    for axes, subplot in zip(grid.ravel(), subplots, strict=False):
        _draw(axes, subplot, places)
    for axes in grid.ravel()[len(subplots) :]:
        axes.axis("off")
    below = [grid[row][column] for column, row in _last_rows(len(subplots))]
    for axes in below:
        axes.set_xlabel(AXES[axis])
    models = sort_models({model for subplot in subplots for model in subplot.curves})
    name_above(figure, models)
    return figure


def _draw(axes: Axes, subplot: ProbeSubplot, places: np.ndarray) -> None:
    axes.axhline(subplot.guessing, color=MUTED, linewidth=1, linestyle=":")
    draw_bars(axes, subplot.curves, places)
    lows = [float(np.min(curve.low)) for curve in subplot.curves.values()]
    axes.set_ylim(max(min([subplot.guessing, *lows]) - 0.03, _LOWEST), 1.02)
    title(axes, subplot.label)
    style_axes(axes)
    axes.set_ylabel("accuracy" if subplot.metric == "accuracy" else "R²")


def _last_rows(count: int) -> list[tuple[int, int]]:
    """(column, row) of the lowest subplot of each column."""
    return [(c, (count - 1 - c) // _COLUMNS) for c in range(min(_COLUMNS, count))]
