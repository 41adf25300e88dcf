"""Pixels of rendered figures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def render(figure: Figure) -> np.ndarray:
    """uint8 (height, width, 3), as rendered."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def patch_at(figure: Figure, axes: Axes, x: float, y: float, reach: int = 2) -> np.ndarray:
    """The pixels (n, 3) about a point given in the axes' data coordinates."""
    pixels = render(figure)
    column, row = axes.transData.transform((x, y))
    row = pixels.shape[0] - row
    top, left = round(float(row)) - reach, round(float(column)) - reach
    return pixels[top : top + 2 * reach + 1, left : left + 2 * reach + 1].reshape(-1, 3)


@pytest.fixture
def pixels_of() -> Callable[[Figure], np.ndarray]:
    return render


@pytest.fixture
def patch() -> Callable[..., np.ndarray]:
    return patch_at
