"""Figure of calibration: reliability of predicted rewards, and coverage of their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from doorlab.evaluation.calibration import LEVELS, Bin
from doorlab.intervals import Estimate
from doorlab.plots.figures.curves import Curve, draw_curves
from doorlab.plots.matplotlib_settings import default_settings
from doorlab.plots.style import (
    FONT_SIZE,
    MUTED,
    new_figure,
    sort_models,
    style_axes,
    style_of,
    title,
)


@default_settings()
def calibration(
    bins: Mapping[str, Sequence[Bin]], coverages: Mapping[str, Sequence[Estimate]]
) -> Figure:
    """Draws predicted against observed rewards (left), and observed against nominal coverage.

    Args:
        bins: model -> bins of `evaluation.calibration.reliability`.
        coverages: model -> result of `evaluation.calibration.coverage`, one per level of LEVELS.
    """
    figure = new_figure(4.5)
    left, right = figure.subplots(1, 2)
    draw_curves(
        left,
        {
            name: Curve.of([b.predicted for b in rows], [b.observed for b in rows])
            for name, rows in bins.items()
        },
    )
    draw_curves(right, {name: Curve.of(LEVELS, e) for name, e in coverages.items()})
    _square(left, "Reliability of the mean", "predicted reward", "observed reward")
    _square(right, "Coverage of the intervals", "nominal coverage", "observed coverage")
    _remark(left, 0.97, 0.06, "overestimates", "right")
    _remark(left, 0.03, 0.94, "underestimates", "left")
    _remark(right, 0.97, 0.06, "overconfident", "right")
    _remark(right, 0.03, 0.94, "underconfident", "left")
    figure.legend(
        handles=[_key(name) for name in sort_models(bins)], loc="outside lower center",
        ncols=len(bins), frameon=False, fontsize=FONT_SIZE, handletextpad=0.4,
    )  # fmt: skip
    return figure


def _square(axes: Axes, heading: str, xlabel: str, ylabel: str) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":", zorder=1, label="ideal")
    title(axes, heading)
    style_axes(axes, grid="both")
    ticks = np.linspace(0, 1, 6)
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, 1), ylim=(0, 1), xticks=ticks, yticks=ticks)
    axes.set_aspect("equal")


def _remark(axes: Axes, x: float, y: float, text: str, side: str) -> None:
    axes.text(x, y, text, ha=side, va="center", fontsize=FONT_SIZE - 1, color=MUTED, style="italic")


def _key(name: str) -> Line2D:
    style = style_of(name)
    return Line2D([], [], color=style.color, marker=style.marker, linewidth=2, label=style.label)
