"""Heat maps of the correlations between latents and parameters of the doors.

Legend: D doors (or frames), L latents, P parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from doorlab.plots.matplotlib_settings import default_settings
from doorlab.plots.style import FONT_SIZE, INK, MUTED, new_figure, sort_models, style_of, title

COLOR_MAP = "RdBu_r"  # white at 0; the ends are distinguishable for color-blind readers


def correlations(latents: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """(P, L): Pearson's r of parameters (D, P) and latents (D, L); 0 where either is constant."""
    centered = [x - x.mean(axis=0) for x in (parameters, latents)]
    norms = [np.sqrt((x**2).sum(axis=0)) for x in centered]
    # A constant minus its mean is not exactly 0, because of rounding.
    varies = [np.ptp(x, axis=0) > 0 for x in (parameters, latents)]
    products = centered[0].T @ centered[1]
    where = np.logical_and.outer(*varies)
    return np.divide(products, np.outer(*norms), out=np.zeros_like(products), where=where)


def strongest_first(found: np.ndarray) -> np.ndarray:
    """Order (L,) of the columns of correlations (P, L), grouped by their most correlated parameter.

    The groups are in the order of the parameters; latents within a group are in descending order of
    correlation.
    """
    strength = np.abs(found)
    return np.lexsort((-strength.max(axis=0), strength.argmax(axis=0)))


@default_settings()
def correlation_maps(
    found: Mapping[str, Mapping[str, np.ndarray]], labels: Sequence[str]
) -> Figure:
    """Draws one heat map per model, with a column per latent and a row per parameter.

    Args:
        found: model -> name of a latent -> (P, L) correlations of its dimensions, from -1 to 1.
        labels: (P,) labels of the parameters.
    """
    models = sort_models(found)
    figure = new_figure((0.27 * len(labels) + 0.75) * len(models) + 0.8)
    subplots = figure.subplots(len(models), 1, squeeze=False)[:, 0]
    images = [
        _map(axes, name, found[name], labels) for axes, name in zip(subplots, models, strict=True)
    ]
    subplots[-1].set_xlabel("latents, ordered by their most correlated parameter", color=MUTED)
    bar = figure.colorbar(images[0], ax=subplots.tolist(), location="bottom", aspect=50)
    bar.set_label("correlation", color=MUTED)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(labelsize=FONT_SIZE - 1, colors=MUTED)
    return figure


def _map(
    axes: Axes, model: str, blocks: Mapping[str, np.ndarray], labels: Sequence[str]
) -> AxesImage:
    orders = {name: strongest_first(block) for name, block in blocks.items()}
    together = np.concatenate([blocks[name][:, order] for name, order in orders.items()], axis=1)
    image = axes.imshow(together, cmap=COLOR_MAP, vmin=-1, vmax=1, aspect="auto")
    title(axes, f"{style_of(model).label}: correlations with the latents")
    axes.set_yticks(range(len(labels)), labels)
    ticks = [f"{name}{i + 1}" for name, order in orders.items() for i in order]
    axes.set_xticks(range(len(ticks)), ticks, rotation=90)
    axes.tick_params(axis="y", labelcolor=INK, labelsize=FONT_SIZE, length=0)
    axes.tick_params(axis="x", labelcolor=MUTED, labelsize=FONT_SIZE - 2.5, length=0)
    axes.spines[:].set_visible(False)
    for edge in np.cumsum([len(order) for order in orders.values()])[:-1]:
        axes.axvline(edge - 0.5, color=INK, linewidth=1.2)
    return image
