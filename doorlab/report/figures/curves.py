"""Lines with 95 % bands and their names at their ends: regret, error by number of interactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from doorlab.intervals import Estimate
from doorlab.report.style import (
    FONT_SIZE,
    in_order,
    new_figure,
    quiet,
    spread,
    style_of,
    text_color,
    title,
)


@dataclass(frozen=True)
class Curve:
    """A mean with its interval along x; all arrays (n,)."""

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @staticmethod
    def of(x: Sequence[float], estimates: Sequence[Estimate]) -> Curve:
        """A curve through estimates."""
        means = [e.mean for e in estimates]
        low, high = zip(*(e.ci95 for e in estimates), strict=True)
        return Curve(np.array(x, float), np.array(means), np.array(low), np.array(high))


def draw_curves(axes: Axes, curves: Mapping[str, Curve], *, markers: bool = True) -> None:
    """Every curve in its model's look; the headline model on top."""
    for depth, name in enumerate(reversed(in_order(curves))):
        curve, style = curves[name], style_of(name)
        axes.fill_between(
            curve.x, curve.low, curve.high, color=style.color, alpha=0.18, linewidth=0, zorder=2
        )
        axes.plot(
            curve.x,
            curve.mean,
            color=style.color,
            linestyle=style.line,
            marker=style.marker if markers else "",
            markersize=5,
            linewidth=2.0,
            label=name,
            zorder=3 + depth / 100,
        )


def name_ends(axes: Axes, curves: Mapping[str, Curve]) -> None:
    """Each model's name to the right of its curve's end, moved apart where they would overlap."""
    names = in_order(curves)
    ends = [float(curves[name].mean[-1]) for name in names]
    low, high = axes.get_ylim()
    last = max(float(curves[name].x[-1]) for name in names)
    figure = axes.figure
    rows = axes.get_position().height * figure.get_figheight() * 72 / (FONT_SIZE * 1.15)  # pyright: ignore[reportAttributeAccessIssue]
    to_axes = axes.transScale.transform  # a log axis is linear after this
    a, b = (to_axes((1.0, v))[1] for v in (low, high))
    heights = [(to_axes((1.0, max(e, 1e-12)))[1] - a) / (b - a) for e in ends]
    for name, height in zip(names, spread(heights, 1 / rows, 0.0, 1.0), strict=True):
        axes.annotate(
            style_of(name).label,
            (last, height),
            xycoords=("data", "axes fraction"),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize=FONT_SIZE,
            color=text_color(name),
            fontweight="bold" if name == "ssnp" else "normal",
            annotation_clip=False,
        )


def regret(
    per_interaction: Mapping[str, Sequence[Estimate]], cumulative: Mapping[str, Sequence[Estimate]]
) -> Figure:
    """Regret of every policy, on each try and summed up to it, with 95 % bands."""
    figure = new_figure(3.9)
    left, right = figure.subplots(1, 2)
    for axes, heading, data in (
        (left, "Regret on each try", per_interaction),
        (right, "Regret summed over tries", cumulative),
    ):
        curves = {n: Curve.of(range(1, len(e) + 1), e) for n, e in data.items()}
        draw_curves(axes, curves, markers=False)
        title(axes, heading)
        quiet(axes)
        axes.set(xlabel="try", ylim=(0, None), xlim=(1, None))
    name_ends(right, curves)
    return figure


def error_by_interactions(
    errors: Mapping[str, Sequence[Estimate]], counts: Sequence[int], variance: float
) -> Figure:
    """Mean squared error of predicted rewards against the number of interactions seen before.

    Args:
        errors: per model, one estimate for each of `counts`.
        counts: how many interactions on this door the model had seen.
        variance: of the rewards: the error of always predicting their mean.
    """
    figure = new_figure(3.6)
    axes = figure.subplots()
    places = list(range(len(counts)))
    curves = {name: Curve.of(places, e) for name, e in errors.items()}
    axes.axhline(variance, color=style_of("random").color, linestyle="--", linewidth=1.2)
    axes.annotate(
        "always predicting the mean",
        (0.0, variance),
        xytext=(4, 4),
        textcoords="offset points",
        fontsize=FONT_SIZE - 1,
        color=text_color("random"),
    )
    draw_curves(axes, curves)
    quiet(axes)
    axes.set(xlabel="interactions seen on this door", ylabel="squared error of the reward")
    axes.set_ylim(0, 1.12 * max(variance, *(c.high.max() for c in curves.values())))
    axes.set_xticks(places, [str(n) for n in counts])
    name_ends(axes, curves)
    return figure
