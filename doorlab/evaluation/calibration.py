"""How far predicted rewards can be trusted: reliability and coverage. D doors, T targets each."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from doorlab.intervals import Estimate, bootstrap_function, bootstrap_mean

LEVELS = (0.1, 0.25, 0.5, 0.68, 0.8, 0.9, 0.95)
FEWEST_DOORS = 10  # behind a bin of predictions that says something


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same size.

    Attributes:
        predicted: their mean.
        observed: the mean of what came, with its interval over doors.
        share: of all predictions that fall in this bin.
    """

    predicted: float
    observed: Estimate
    share: float


def reliability(
    mean: np.ndarray, outcome: np.ndarray, *, bins: int = 10, fewest: int = FEWEST_DOORS
) -> list[Bin]:
    """Predictions in bins of equal width over [0, 1], against what came.

    A calibrated model has `observed` = `predicted` in every bin. Within a bin the unit of the
    interval is the door, as a door's rewards are not independent.

    Args:
        mean: (D, T) predicted rewards; those outside [0, 1] count in the outermost bins.
        outcome: (D, T) rewards.
        bins: how many.
        fewest: bins with predictions on fewer doors say nothing and are left out.
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
    """The expected calibration error: |predicted - observed| of the bins, by their shares.

    0 for a calibrated model, but for chance: with few doors it is larger, whatever the model. Its
    interval is over doors. Arguments as for `reliability`.
    """
    gaps = _gaps(mean, outcome, bins)
    return bootstrap_function(gaps, lambda means: np.abs(means).sum(axis=-1), seed=seed)


def calibration_shares(mean: np.ndarray, outcome: np.ndarray, *, bins: int = 10) -> np.ndarray:
    """(D,): what each door adds to the expected calibration error, which is their mean.

    With the signs of the gaps as they are: an interval of that mean is that of the error,
    linearised, and can be over several models at once. Arguments as for `reliability`.
    """
    gaps = _gaps(mean, outcome, bins)
    return gaps @ np.sign(gaps.mean(axis=0))


def coverage(mean: np.ndarray, std: np.ndarray, outcome: np.ndarray) -> list[Estimate]:
    """The share of outcomes inside the central normal interval of each of `LEVELS`.

    Calibrated: equal to the level. Below it: too sure; above it: too careful. All arrays (D, T).
    """
    distance = np.abs(outcome - mean) / np.maximum(std, 1e-12)
    widths = [NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS]
    return [bootstrap_mean(distance <= width) for width in widths]


def _gaps(mean: np.ndarray, outcome: np.ndarray, bins: int) -> np.ndarray:
    """(D, bins): predicted less observed, of each door's predictions in each bin, over T."""
    index = _bin_of(mean, bins)[..., None] == np.arange(bins)
    return ((mean - outcome)[..., None] * index).sum(axis=1) / mean.shape[1]


def _bin_of(mean: np.ndarray, bins: int) -> np.ndarray:
    return np.clip((mean * bins).astype(int), 0, bins - 1)


def _by_door(values: np.ndarray, mask: np.ndarray) -> Estimate:
    """The mean over `mask`; its interval resamples doors, each with all of its masked values."""
    doors = mask.any(axis=1)
    counts = mask[doors].sum(axis=1)
    sums = np.where(mask, values, 0.0)[doors].sum(axis=1)
    mean = sums.sum() / counts.sum()
    # A ratio of sums, linearised: each door weighs as many values as it has here.
    influence = mean + (sums - mean * counts) / counts.mean()
    return bootstrap_mean(influence)
