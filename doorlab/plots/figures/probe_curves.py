"""Figure of probe scores by number of frames or labeled doors, with one panel per target."""

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
class Panel:
    """Data of one panel: the scores of one target.

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
def probe_curves(axis: str, panels: Sequence[Panel]) -> Figure:
    """Draws scores along `axis`, a key of `AXES`, on a logarithmic scale; higher is better."""
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
    models = sort_models({model for panel in panels for model in panel.curves})
    name_above(figure, models)
    return figure


def _draw(axes: Axes, panel: Panel, places: np.ndarray) -> None:
    axes.axhline(panel.guessing, color=MUTED, linewidth=1, linestyle=":")
    draw_bars(axes, panel.curves, places)
    lows = [float(np.min(curve.low)) for curve in panel.curves.values()]
    axes.set_ylim(max(min([panel.guessing, *lows]) - 0.03, _LOWEST), 1.02)
    title(axes, panel.label)
    style_axes(axes)
    axes.set_ylabel("accuracy" if panel.metric == "accuracy" else "R²")


def _last_rows(count: int) -> list[tuple[int, int]]:
    """(column, row) of the lowest panel of each column."""
    return [(c, (count - 1 - c) // _COLUMNS) for c in range(min(_COLUMNS, count))]
