"""Figure of metrics by number of labeled doors, with one subplot per metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from doorlab.plots.figures.curves import Curve, draw_bars, name_above
from doorlab.plots.matplotlib_settings import default_settings
from doorlab.plots.style import (
    FONT_SIZE,
    new_figure,
    sort_models,
    style_axes,
    style_of,
    text_color,
    title,
)


@dataclass(frozen=True)
class LabelSubplot:
    """Data of one subplot: a metric for which lower is better and 0 is best.

    Attributes:
        heading: name of the metric.
        curves: model -> metric by number of labeled doors.
        levels: policy or "" -> (text, value) of references without labels, as dashed lines.
    """

    heading: str
    curves: Mapping[str, Curve]
    levels: Mapping[str, tuple[str, float]] = field(default_factory=dict)


@default_settings()
def label_curves(subplots: Sequence[LabelSubplot]) -> Figure:
    """Draws subplots side by side, by number of labeled doors on a logarithmic scale."""
    figure = new_figure(4.4)
    grid = figure.subplots(1, len(subplots), squeeze=False)[0]
    for axes, subplot in zip(grid, subplots, strict=True):
        _draw(axes, subplot)
    name_above(figure, sort_models({model for subplot in subplots for model in subplot.curves}))
    return figure


def _draw(axes: Axes, subplot: LabelSubplot) -> None:
    places = np.unique(np.concatenate([curve.x for curve in subplot.curves.values()]))
    draw_bars(axes, subplot.curves, places)
    for name, (words, height) in subplot.levels.items():
        axes.axhline(height, color=style_of(name).color, linestyle="--", linewidth=1.2, zorder=1)
        # The text is on the left, where the curves for few labels are far from the best level.
        axes.annotate(
            words, (places[0] / 1.2, height), xytext=(0, 3), textcoords="offset points",
            ha="left", fontsize=FONT_SIZE - 2, color=text_color(name),
        )  # fmt: skip
    highs = [float(curve.high.max()) for curve in subplot.curves.values()]
    axes.set_ylim(0, 1.1 * max([*highs, *(height for _, height in subplot.levels.values())]) or 1.0)
    axes.tick_params(axis="x", labelrotation=45 if len(places) > 5 else 0)
    title(axes, subplot.heading)
    style_axes(axes)
    axes.set_xlabel("labeled doors")
