"""Statistics of features over frames, with the keys of LeRobot's meta/stats.json.

Images are summarized by a histogram per channel, so that their statistics are exact and need no
second reading.

Legend: K frames, n numbers per frame, S pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
_KEYS = tuple(f"q{round(100 * share):02d}" for share in QUANTILES)
_LEVELS = 256


def vector_statistics(values: np.ndarray) -> dict[str, Any]:
    """Statistics of an array (K, n) over its frames: lists of n numbers, and the count K."""
    numbers = values.astype(np.float64)
    found = {
        "min": numbers.min(0),
        "max": numbers.max(0),
        "mean": numbers.mean(0),
        "std": numbers.std(0),
        **dict(zip(_KEYS, np.quantile(numbers, QUANTILES, axis=0), strict=True)),
    }
    return {**{key: value.tolist() for key, value in found.items()}, "count": [len(values)]}


def histogram(images: np.ndarray) -> np.ndarray:
    """int64 (3, 256): how often every level occurs in each channel of images (K, S, S, 3)."""
    channels = np.moveaxis(images, -1, 0).reshape(3, -1)
    return np.stack([np.bincount(channel, minlength=_LEVELS) for channel in channels])


def image_statistics(counts: np.ndarray, frames: int) -> dict[str, Any]:
    """Statistics per channel of `frames` images with a `histogram`; pixels scaled to [0, 1].

    Every statistic has the shape (3, 1, 1), as LeRobot expects.
    """
    levels = np.arange(_LEVELS) / (_LEVELS - 1)
    total = counts.sum(axis=1)
    mean = counts @ levels / total
    variance = (counts * (levels - mean[:, None]) ** 2).sum(axis=1) / total
    seen = [np.flatnonzero(channel) for channel in counts]
    found = {
        "min": levels[[channel[0] for channel in seen]],
        "max": levels[[channel[-1] for channel in seen]],
        "mean": mean,
        "std": np.sqrt(variance),
        **{
            key: np.array([_quantile(channel, share) for channel in counts])
            for key, share in zip(_KEYS, QUANTILES, strict=True)
        },
    }
    shaped = {key: value.reshape(3, 1, 1).tolist() for key, value in found.items()}
    return {**shaped, "count": [frames]}


def _quantile(counts: np.ndarray, share: float) -> float:
    """The quantile of the counted levels, scaled to [0, 1], as `numpy.quantile` computes it."""
    place = share * (counts.sum() - 1)
    below = int(place)
    ranks = np.cumsum(counts)
    low, high = np.searchsorted(ranks, [below, min(below + 1, ranks[-1] - 1)], side="right")
    return float(low + (place - below) * (high - low)) / (_LEVELS - 1)
