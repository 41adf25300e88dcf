"""Figure of training curves: losses of every run, and KLs of the latents of pretrained models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from doorlab.plots.matplotlib_settings import default_settings
from doorlab.plots.style import (
    FONT_SIZE,
    INK,
    MUTED,
    new_figure,
    sort_models,
    style_axes,
    style_of,
    text_color,
    title,
)


@dataclass(frozen=True)
class TrainingHistory:
    """Training curves of one run. Steps and losses are (n,); the validation part can be empty.

    Attributes:
        measure: label of the loss.
        divergences: latent ("c", "z") -> KL (n,) in nats at the same steps; empty without KLs.
    """

    measure: str
    steps: np.ndarray
    loss: np.ndarray
    validation_steps: np.ndarray
    validation_loss: np.ndarray
    divergences: Mapping[str, np.ndarray] = field(default_factory=dict)


@default_settings()
def training(histories: Mapping[str, TrainingHistory], columns: int = 3) -> Figure:
    """Draws a subplot per run, because losses differ in scale and meaning, and subplots of KLs."""
    names = sort_models(histories)
    costly = [name for name in names if histories[name].divergences]
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(2.3 * (rows + -(-len(costly) // columns)))
    subplots = figure.subplots(rows + -(-len(costly) // columns), columns, squeeze=False)
    _fill(subplots[:rows].ravel(), _subplot, names, histories)
    subplots[0, 0].legend(frameon=False, fontsize=FONT_SIZE - 1, labelcolor=MUTED)
    _fill(subplots[rows:].ravel(), _divergences, costly, histories)
    return figure


def _fill(
    subplots: np.ndarray,
    draw: Callable[[Axes, str, TrainingHistory], None],
    names: Sequence[str],
    histories: Mapping[str, TrainingHistory],
) -> None:
    for axes, name in zip(subplots, names, strict=False):
        draw(axes, name, histories[name])
        axes.set_xlabel("step")
    for axes in subplots[len(names) :]:
        axes.axis("off")


def _subplot(axes: Axes, name: str, history: TrainingHistory) -> None:
    style = style_of(name)
    axes.plot(
        history.steps, smooth(history.loss), color=style.color, linewidth=1.2, alpha=0.7,
        label="training",
    )  # fmt: skip
    if len(history.validation_steps):
        axes.plot(
            history.validation_steps, history.validation_loss, "o-", color=INK,
            linewidth=1.4, markersize=4, label="validation",
        )  # fmt: skip
    title(axes, style.label)
    style_axes(axes)
    axes.set_ylabel(history.measure)
    axes.set_ylim(*_limits(history))


def _divergences(axes: Axes, name: str, history: TrainingHistory) -> None:
    style = style_of(name)
    for (latent, values), line in zip(history.divergences.items(), ("-", "--"), strict=False):
        values = smooth(values)
        axes.plot(history.steps, values, line, color=style.color, linewidth=1.4, label=latent)
        axes.annotate(
            latent, (history.steps[-1], values[-1]), xytext=(5, 0), textcoords="offset points",
            va="center", fontsize=FONT_SIZE, color=text_color(name), annotation_clip=False,
        )  # fmt: skip
    title(axes, f"{style.label}: KL")
    style_axes(axes)
    axes.set_ylabel("nats")
    axes.set_ylim(bottom=0)


def smooth(values: Sequence[float] | np.ndarray, window: int = 9) -> np.ndarray:
    """A centered running mean (n,) with shorter windows at the ends, which shows the trend."""
    values = np.asarray(values, float)
    half = min(window, len(values)) // 2
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    first, last = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def _limits(history: TrainingHistory) -> tuple[float, float]:
    """Limits of the axis from all values but the first tenth of the losses, which are large."""
    settled = history.loss[len(history.loss) // 10 :]
    values = np.concatenate([settled, history.validation_loss])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = 0.1 * (high - low) or 0.1
    return low - margin, high + margin
