"""Figure of linear probe scores by target and model, as dots with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from doorlab.intervals import Estimate
from doorlab.plots.matplotlib_settings import default_settings
from doorlab.plots.style import (
    FONT_SIZE,
    INK,
    MUTED,
    new_figure,
    sort_models,
    style_axes,
    style_of,
    title,
)

Scores = Mapping[str, Mapping[str, Estimate]]  # model -> target -> score


@default_settings()
def probes(
    scores: Scores,
    accuracies: Mapping[str, str],
    r2s: Mapping[str, str],
    guessing: Mapping[str, float],
) -> Figure:
    """Draws one row per target and one dot per model; right is better.

    Args:
        scores: model -> target -> estimate; targets of a model can be missing.
        accuracies: target -> label, for targets scored by accuracy.
        r2s: target -> label, for targets scored by R^2.
        guessing: target -> accuracy of a constant prediction, if known.
    """
    models = sort_models(scores)
    heights = [len(accuracies) + 1.0, len(r2s) + 1.0]
    figure = new_figure(0.85 + (0.23 + 0.08 * len(models)) * sum(heights))
    upper, lower = figure.subplots(2, 1, gridspec_kw={"height_ratios": heights})
    _rows(upper, scores, models, _with_guessing(accuracies, guessing))
    _rows(lower, scores, models, r2s)
    title(upper, "Accuracy")
    title(lower, "R²")
    for row, target in enumerate(accuracies):
        if target in guessing:
            at = [guessing[target]] * 2
            upper.plot(at, (row - 0.5, row + 0.5), color=MUTED, linewidth=1.2, linestyle=":")
    upper.set_xlim(0.38, 1.005)
    lower.set_xlim(min(-0.02, _lowest(scores, r2s)), 1.005)
    figure.legend(
        handles=[_key(name) for name in models], loc="outside upper right", ncols=len(models),
        frameon=False, fontsize=FONT_SIZE, handletextpad=0.3,
    )  # fmt: skip
    return figure


def _with_guessing(labels: Mapping[str, str], guessing: Mapping[str, float]) -> dict[str, str]:
    """Adds the score of guessing to the labels of rows, where dots can't cover it."""
    return {
        target: f"{label}\n(guessing {guessing[target]:.2f})" if target in guessing else label
        for target, label in labels.items()
    }


def _rows(axes: Axes, scores: Scores, models: Sequence[str], targets: Mapping[str, str]) -> None:
    offsets = np.linspace(-0.5, 0.5, 2 * len(models) + 1)[1::2] * 0.8
    for name, offset in zip(models, offsets, strict=True):
        style = style_of(name)
        for row, target in enumerate(targets):
            if target not in scores[name]:
                continue
            estimate, y = scores[name][target], row + offset
            axes.plot(estimate.ci95, (y, y), color=style.color, linewidth=2, alpha=0.6)
            axes.plot(estimate.mean, y, style.marker, color=style.color, markersize=7, label=name)
    axes.set_yticks(range(len(targets)), list(targets.values()))
    axes.set_ylim(max(len(targets), 1) - 0.5, -0.5)
    for edge in range(1, len(targets)):
        axes.axhline(edge - 0.5, color="#eef1f4", linewidth=0.8, zorder=0)
    style_axes(axes, grid="x")
    axes.tick_params(axis="y", labelcolor=INK, labelsize=FONT_SIZE, length=0)


def _lowest(scores: Scores, targets: Mapping[str, str]) -> float:
    lows = [e.ci95[0] for m in scores.values() for t, e in m.items() if t in targets]
    return max(min(lows, default=0.0) - 0.02, -0.5)


def _key(name: str) -> Line2D:
    style = style_of(name)
    return Line2D([], [], color=style.color, marker=style.marker, linestyle="", label=style.label)
