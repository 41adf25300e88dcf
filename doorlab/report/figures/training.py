"""How training went: the loss of every run, on training and validation doors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from doorlab.report.style import INK, in_order, new_figure, quiet, style_of, title


@dataclass(frozen=True)
class History:
    """One run's course. Steps and losses are (n,) each; the validation part may be empty."""

    measure: str
    steps: np.ndarray
    loss: np.ndarray
    validation_steps: np.ndarray
    validation_loss: np.ndarray


def training(histories: Mapping[str, History], columns: int = 3) -> Figure:
    """A panel per run; the losses of different models have different scales and meanings."""
    names = in_order(histories)
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(2.3 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        _panel(axes, name, histories[name])
    for axes in panels[len(names) :]:
        axes.axis("off")
    for axes in panels[max(0, len(names) - columns) : len(names)]:
        axes.set_xlabel("step")
    return figure


def _panel(axes: Axes, name: str, history: History) -> None:
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
    quiet(axes)
    axes.set_ylabel(history.measure)
    axes.set_ylim(*_limits(history))


def smooth(values: Sequence[float] | np.ndarray, window: int = 9) -> np.ndarray:
    """A centred running mean (n,), shorter at the ends: single batches would hide the trend."""
    values = np.asarray(values, float)
    half = min(window, len(values)) // 2
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    first, last = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def _limits(history: History) -> tuple[float, float]:
    """Around everything but the first tenth, where losses fall from a great height."""
    settled = history.loss[len(history.loss) // 10 :]
    values = np.concatenate([settled, history.validation_loss])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = 0.1 * (high - low) or 0.1
    return low - margin, high + margin
