"""Calibration of predicted rewards: reliability diagrams, calibration error and coverage.

Legend: D doors, T target interactions per door.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from doorlab.intervals import Estimate, bootstrap_function, bootstrap_mean

LEVELS = (0.1, 0.25, 0.5, 0.68, 0.8, 0.9, 0.95)
FEWEST_DOORS = 10  # a bin with predictions on fewer doors is not informative


@dataclass(frozen=True)
class Bin:
    """One bin of a reliability diagram: predictions of similar value.

    Attributes:
        predicted: mean of the predictions in this bin.
        observed: mean of the observed rewards, with its interval over doors.
        share: share of all predictions that fall into this bin.
    """

    predicted: float
    observed: Estimate
    share: float


def reliability(
    mean: np.ndarray, outcome: np.ndarray, *, bins: int = 10, fewest: int = FEWEST_DOORS
) -> list[Bin]:
    """Compares predictions with observed rewards, in bins of equal width over [0, 1].

    A calibrated model has `observed` = `predicted` in every bin. Intervals resample doors, because
    the rewards of one door are not independent.

    Args:
        mean: (D, T) predicted rewards; values outside [0, 1] count in the outermost bins.
        outcome: (D, T) observed rewards.
        bins: number of bins.
        fewest: minimum number of doors per bin; other bins are left out.
    """
    index = _bin_of(mean, bins)
    result = []
    for i in range(bins):
        inside = index == i
        if inside.any(axis=1).sum() >= fewest:
            observed = _by_door(outcome, inside)
            result.append(Bin(float(mean[inside].mean()), observed, float(inside.mean())))
    return result


def calibration_error(
    mean: np.ndarray, outcome: np.ndarray, *, bins: int = 10, seed: int = 0
) -> Estimate:
    """The expected calibration error: mean of |predicted - observed|, weighted by bin shares.

    A calibrated model has an expected error of 0 with infinitely many doors. With few doors the
    error is larger for every model, by chance. The interval is over doors.

    Args:
        mean: (D, T) predicted rewards.
        outcome: (D, T) observed rewards.
        bins: number of bins.
        seed: seed of the bootstrap.
    """
    gaps = _gaps(mean, outcome, bins)
    return bootstrap_function(gaps, lambda means: np.abs(means).sum(axis=-1), seed=seed)


def calibration_shares(mean: np.ndarray, outcome: np.ndarray, *, bins: int = 10) -> np.ndarray:
    """Contribution (D,) of each door to the expected calibration error, which is their mean.

    The contributions use the signs of the gaps of the whole set. A bootstrap interval of their mean
    is therefore the linearized interval of the error, and can combine several models.

    Args:
        mean: (D, T) predicted rewards.
        outcome: (D, T) observed rewards.
        bins: number of bins.
    """
    gaps = _gaps(mean, outcome, bins)
    return gaps @ np.sign(gaps.mean(axis=0))


def coverage(mean: np.ndarray, std: np.ndarray, outcome: np.ndarray) -> list[Estimate]:
    """Share of rewards inside the central interval of the predicted normal, for each of `LEVELS`.

    The coverage of a calibrated model equals the level. A lower coverage means overconfidence, a
    higher one underconfidence.

    Args:
        mean: (D, T) predicted rewards.
        std: (D, T) predicted standard deviations.
        outcome: (D, T) observed rewards.
    """
    distance = np.abs(outcome - mean) / np.maximum(std, 1e-12)
    widths = [NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS]
    return [bootstrap_mean(distance <= width) for width in widths]


def _gaps(mean: np.ndarray, outcome: np.ndarray, bins: int) -> np.ndarray:
    """(D, bins): sum of predicted - observed over the predictions of a door in a bin, over T."""
    index = _bin_of(mean, bins)[..., None] == np.arange(bins)
    return ((mean - outcome)[..., None] * index).sum(axis=1) / mean.shape[1]


def _bin_of(mean: np.ndarray, bins: int) -> np.ndarray:
    return np.clip((mean * bins).astype(int), 0, bins - 1)


def _by_door(values: np.ndarray, mask: np.ndarray) -> Estimate:
    """Mean of the values in `mask`; its interval resamples doors with all their masked values."""
    doors = mask.any(axis=1)
    counts = mask[doors].sum(axis=1)
    sums = np.where(mask, values, 0.0)[doors].sum(axis=1)
    mean = sums.sum() / counts.sum()
    # Linearized ratio of sums: the weight of a door is its number of masked values.
    influence = mean + (sums - mean * counts) / counts.mean()
    return bootstrap_mean(influence)
