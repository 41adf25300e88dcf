"""Curves with 95 % bands and labels at their ends: regret, and errors by size of context set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from doorlab.intervals import Estimate
from doorlab.plots.matplotlib_settings import default_settings
from doorlab.plots.style import (
    DPI,
    FONT_SIZE,
    focus_model,
    new_figure,
    sort_models,
    spread_labels,
    style_axes,
    style_of,
    text_color,
    title,
)


@dataclass(frozen=True)
class Curve:
    """A mean and its interval along x; all arrays (n,)."""

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @staticmethod
    def of(x: Sequence[float | int], estimates: Sequence[Estimate]) -> Curve:
        """A curve through estimates."""
        return Curve.through(x, [e.mean for e in estimates], [e.ci95 for e in estimates])

    @staticmethod
    def through(
        x: Sequence[float | int],
        means: Sequence[float | int],
        ci95: Sequence[Sequence[float | int]],
    ) -> Curve:
        """A curve through means and their intervals, (low, high) each."""
        low, high = np.array(ci95, dtype=float).reshape(-1, 2).T  # also for an empty curve
        return Curve(np.array(x, dtype=float), np.array(means, dtype=float), low, high)


def draw_curves(axes: Axes, curves: Mapping[str, Curve], *, markers: bool = True) -> None:
    """Draws curves with bands in the styles of their models; the main model on top."""
    for depth, name in enumerate(reversed(sort_models(curves))):
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
    """Adds the label of each model to the right of its curve, without overlaps."""
    names, main = sort_models(curves), focus_model(curves)
    low, high = axes.get_ylim()
    heights = [(float(curves[name].mean[-1]) - low) / (high - low) for name in names]
    points = axes.get_window_extent().height / DPI * 72  # the layout reduces this a little later
    gap = 1.35 * FONT_SIZE / points
    last = max(float(curves[name].x[-1]) for name in names)
    for name, height in zip(names, spread_labels(heights, gap, 0.0, 1.0), strict=True):
        axes.annotate(
            style_of(name).label, (last, height), xycoords=("data", "axes fraction"),
            xytext=(9, 0), textcoords="offset points", va="center", fontsize=FONT_SIZE,
            color=text_color(name), fontweight="bold" if name == main else "normal",
            annotation_clip=False,
        )  # fmt: skip


def draw_bars(axes: Axes, curves: Mapping[str, Curve], places: np.ndarray) -> None:
    """Draws curves on a logarithmic axis with ticks at `places`, and intervals as bars.

    Bars next to each other are readable for six models; bands would overlap.
    """
    axes.set_xscale("log")
    steps = 1.025 ** (np.arange(len(curves)) - (len(curves) - 1) / 2)  # a few percent about 1
    for name, step in zip(sort_models(curves), steps, strict=True):
        curve, style = curves[name], style_of(name)
        x = curve.x * step
        axes.vlines(x, curve.low, curve.high, color=style.color, linewidth=1.4, alpha=0.5)
        axes.plot(
            x, curve.mean, color=style.color, linestyle=style.line, marker=style.marker,
            markersize=5, linewidth=1.6, label=name,
        )  # fmt: skip
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.set_xlim(places[0] / 1.25, places[-1] * 1.25)
    axes.minorticks_off()


def name_above(figure: Figure, models: Sequence[str]) -> None:
    """Adds a legend of the models above all subplots."""
    figure.legend(
        handles=[_key(name) for name in models], loc="outside upper center",
        ncols=min(3, len(models)), frameon=False, fontsize=FONT_SIZE,
    )  # fmt: skip


def _key(name: str) -> Line2D:
    style = style_of(name)
    key = Line2D([], [], color=style.color, marker=style.marker, label=style.label)
    key.set_linestyle(style.line)  # pyright: ignore[reportArgumentType]
    return key


@default_settings()
def regret(per_interaction: Mapping[str, Curve], cumulative: Mapping[str, Curve]) -> Figure:
    """Draws regret per interaction and cumulative regret of every policy, with 95 % bands."""
    figure = new_figure(3.9)
    left, right = figure.subplots(1, 2)
    headings = ("Regret per interaction", "Cumulative regret")
    for axes, heading, curves in zip(
        (left, right), headings, (per_interaction, cumulative), strict=True
    ):
        draw_curves(axes, curves, markers=False)
        title(axes, heading)
        _over_interactions(axes, curves)
    name_ends(right, cumulative)
    return figure


@default_settings()
def opened(curves: Mapping[str, Curve]) -> Figure:
    """Draws the share of doors opened by each interaction for every policy, with 95 % bands."""
    figure = new_figure(3.9)
    axes = figure.subplots()
    draw_curves(axes, curves)
    _over_interactions(axes, curves)
    axes.set(ylim=(0, 1.03), ylabel="doors opened")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    name_ends(axes, curves)
    return figure


def _over_interactions(axes: Axes, curves: Mapping[str, Curve]) -> None:
    last = max(float(curve.x[-1]) for curve in curves.values())
    style_axes(axes)
    axes.set(xlabel="interaction", ylim=(0, None), xlim=(0.9, last + 0.1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


@default_settings()
def error_by_interactions(
    curves: Mapping[str, Curve], counts: Sequence[int], variance: float
) -> Figure:
    """Draws the mean squared error of predicted rewards by size of the context set.

    Args:
        curves: model -> curve over the positions 0, 1, ... of `counts`.
        counts: sizes of the context set.
        variance: variance of the rewards: the error of always predicting their mean.
    """
    figure = new_figure(3.6)
    axes = figure.subplots()
    axes.axhline(variance, color=style_of("random").color, linestyle="--", linewidth=1.2)
    axes.annotate(
        "predicting the mean reward", (len(counts) - 1.0, variance), xytext=(0, 4),
        textcoords="offset points", ha="right", fontsize=FONT_SIZE - 1, color=text_color("random"),
    )  # fmt: skip
    draw_curves(axes, curves)
    style_axes(axes)
    axes.set(xlabel="interactions in the context set", ylabel="squared error of the reward")
    axes.set_ylim(0, 1.12 * max(variance, *(c.high.max() for c in curves.values())) or 1.0)
    axes.set_xticks(range(len(counts)), [str(n) for n in counts])
    name_ends(axes, curves)
    return figure
