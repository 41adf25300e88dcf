"""Maps of door embeddings, colored by true parameters of the doors.

Legend: D doors, E dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from doorlab.plots.matplotlib_settings import default_settings
from doorlab.plots.style import (
    FAINT,
    FONT_SIZE,
    INK,
    MUTED,
    new_figure,
    sort_models,
    style_of,
    text_color,
)

_CATEGORY_COLORS = ("#0072b2", "#e69f00", "#009e73")
_COLOR_MAP = "viridis"


@dataclass(frozen=True)
class Parameter:
    """A true parameter of the doors.

    Attributes:
        label: label of the parameter, with its unit.
        values: (D,): indices into `categories`, or numbers.
        categories: names of the categories; () for numbers.
    """

    label: str
    values: np.ndarray
    categories: tuple[str, ...] = ()


def principal_components(embeddings: np.ndarray, count: int = 2) -> np.ndarray:
    """Coordinates (D, count) of embeddings (D, E) along the directions of largest variance.

    The sign of each direction is fixed by its largest loading, so that maps are reproducible.
    """
    centered = embeddings - embeddings.mean(axis=0)
    _, _, directions = np.linalg.svd(centered, full_matrices=False)
    directions = directions[:count]
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(len(directions)), largest])
    return centered @ (directions * signs[:, None]).T


@default_settings()
def embedding_map(
    embeddings: Mapping[str, np.ndarray], parameters: Mapping[str, Parameter]
) -> Figure:
    """Draws a row of maps per model and a column per parameter; each point is a held-out door.

    Args:
        embeddings: model -> (D, E) door embeddings.
        parameters: name -> true values of the same doors.
    """
    models = sort_models(embeddings)
    side = 7.1 / len(parameters)
    size = FONT_SIZE if len(parameters) <= 4 else FONT_SIZE - 2
    figure = new_figure(len(models) * (side + 0.1) + 0.95)
    figure.suptitle(
        "Each point is a door; smooth gradients: the embedding encodes the parameter",
        x=0.01, ha="left", fontsize=FONT_SIZE + 1, color=INK, fontweight="bold",
    )  # fmt: skip
    subplots = figure.subplots(len(models), len(parameters), squeeze=False)
    for row, model in zip(subplots, models, strict=True):
        points = principal_components(embeddings[model])
        for axes, parameter in zip(row, parameters.values(), strict=True):
            _scatter(axes, points, parameter)
        row[0].set_ylabel(
            style_of(model).label, fontsize=FONT_SIZE + 1, color=text_color(model), labelpad=6
        )
    for axes, parameter in zip(subplots[0], parameters.values(), strict=True):
        axes.set_title(parameter.label, fontsize=size, color=INK, pad=6)
    for axes, parameter in zip(subplots[-1], parameters.values(), strict=True):
        _key(axes, parameter, size)
    return figure


def _scatter(axes: Axes, points: np.ndarray, parameter: Parameter) -> None:
    if parameter.categories:
        colors = [_CATEGORY_COLORS[int(v)] for v in parameter.values]
        axes.scatter(*points.T, s=7, c=colors, linewidths=0, alpha=0.75)
    else:
        axes.scatter(*points.T, s=7, c=parameter.values, cmap=_COLOR_MAP, linewidths=0, alpha=0.85)
    axes.set(xticks=[], yticks=[])
    axes.set_box_aspect(1)
    axes.spines[:].set_color(FAINT)


def _key(axes: Axes, parameter: Parameter, size: float) -> None:
    """Adds the key of the colors below the last map of a column."""
    if parameter.categories:
        share = 1 / len(parameter.categories)
        for i, name in enumerate(parameter.categories):
            axes.text(
                (i + 0.5) * share, -0.06, name, transform=axes.transAxes, ha="center", va="top",
                fontsize=size, color=_CATEGORY_COLORS[i], fontweight="bold",
            )  # fmt: skip
        return
    low, high = float(parameter.values.min()), float(parameter.values.max())
    bar = axes.inset_axes((0.28, -0.16, 0.44, 0.06))
    bar.imshow(np.linspace(0, 1, 128)[None], cmap=_COLOR_MAP, aspect="auto")
    bar.axis("off")
    for x, text, side in ((0.26, low, "right"), (0.74, high, "left")):
        axes.text(
            x, -0.13, f"{text:.2f}", transform=axes.transAxes, ha=side, va="center",
            fontsize=size - 1, color=MUTED,
        )  # fmt: skip
