"""Do two sets of pictures come from the same distribution? A classifier's answer and a kernel's.

Pictures come in sets (the frames of a door), within which they depend on one another. So doors are
what is held out, what is paired in the kernel's estimate and what is resampled for intervals.

Legend: D doors, M frames per door, F features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from doorlab.errors import ConfigError
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.seeding import stream

_RESAMPLES = 1000
_PENALTY = 10.0  # of the classifier's weights: there are few doors for the features


@dataclass(frozen=True)
class TwoSampleScore:
    """How different two sets are.

    Attributes:
        accuracy: of a classifier that tells them apart, on doors that it was not fitted on
            (Lopez-Paz and Oquab 2017): 0.5 where they can't be told apart, 1 where they always can.
        mmd2: squared maximum mean discrepancy, unbiased (Gretton et al. 2012, eq. 3): 0 on average
            for the same distribution, at most 2.
    """

    accuracy: Estimate
    mmd2: Estimate


def two_sample_score(real: np.ndarray, other: np.ndarray, seed: int = 0) -> TwoSampleScore:
    """Compares the features (D, M, F) of real pictures with those of others, of the same shape.

    Features are standardised, and the kernel's width is chosen, by the real ones alone: the scores
    of several others against the same real ones can be compared.

    Raises ConfigError for fewer than four doors, or shapes that differ.
    """
    if real.shape != other.shape or len(real) < 4:
        raise ConfigError(
            "four doors or more to compare, as many of both kinds with as many frames",
            f"features of {real.shape[:2]} and {other.shape[:2]} doors and frames",
            "use more test doors",
        )
    mean, std = real.mean(axis=(0, 1)), real.std(axis=(0, 1))
    real, other = ((x - mean) / np.where(std > 0, std, 1.0) for x in (real, other))
    # A pair of doors is a unit, so that resampling keeps both kinds equally frequent.
    accuracy = bootstrap_mean(held_out_hits(real, other), seed=seed)
    return TwoSampleScore(accuracy, mmd2(real, other, seed))


def held_out_hits(real: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(D - D // 2, 2 M): whether a logistic regression on half of the doors is right on the others.

    First the frames of a real door, then those of one of the others. Not the other way round as
    well: the two halves' results would depend on each other, and the interval be too narrow.
    """
    from sklearn.linear_model import LogisticRegression  # here: it takes a second

    half = len(real) // 2
    x = np.concatenate([_flat(real[:half]), _flat(other[:half])])
    y = np.repeat([False, True], len(x) // 2)
    classifier = LogisticRegression(C=1 / _PENALTY, max_iter=2000).fit(x, y)
    said = [classifier.predict(_flat(s[half:])).reshape(-1, s.shape[1]) for s in (real, other)]
    return np.concatenate([~said[0], said[1]], axis=1)


def mmd2(real: np.ndarray, other: np.ndarray, seed: int = 0) -> Estimate:
    """Squared maximum mean discrepancy of features (D, M, F), with a bootstrap over doors.

    Its variance has a part that single doors make, and one that pairs do; without a difference
    between the distributions there is nothing but the latter. A bootstrap has that three times: by
    chance, each of these doors is closer to some of the others, and that is drawn again as if it
    were the door's own (Arcones and Gine 1992, "On the bootstrap of U and V statistics"). So what
    is drawn is shrunk to the variance with that part once.

    k(a, b) = exp(-|a - b|^2 / w), w the median of the squared distances between real pictures.
    Pairs of frames of the same door are left out: they are not independent draws. Undefined where w
    is 0.
    """
    width = float(np.median(_squared_distances(_flat(real)[:1000], _flat(real)[:1000])))
    if width == 0.0:
        reason = "the features of real pictures do not differ"
        return Estimate(math.nan, (math.nan, math.nan), len(real), reason)
    kernels = [_door_kernel(a, b, width) for a, b in ((real, real), (other, other), (real, other))]
    count, rng = len(real), stream(seed, "mmd")
    values = _discrepancy(kernels, _resampled(count, rng), _resampled(count, rng))
    ones = np.ones((1, count))
    mean, pairs = float(_discrepancy(kernels, ones, ones)[0]), _variance_of_pairs(kernels)
    shrink = np.sqrt(max(values.var() - 2 * pairs, pairs) / values.var()) if pairs else 1.0
    low, high = mean + shrink * (np.percentile(values, [2.5, 97.5]) - mean)
    return Estimate(mean, (float(low), float(high)), count)


def _variance_of_pairs(kernels: list[np.ndarray]) -> float:
    """That part of the variance of MMD^2 that is not a sum over single doors."""
    within_a, within_b, between = (
        k - k.mean(axis=0) - k.mean(axis=1, keepdims=True) + k.mean() for k in kernels
    )
    count = len(between)
    within = sum(float((k**2).sum() - (np.diag(k) ** 2).sum()) for k in (within_a, within_b))
    return 2 * within / (count * (count - 1)) ** 2 + 4 * float((between**2).sum()) / count**4


def _resampled(count: int, rng: np.random.Generator) -> np.ndarray:
    """(R, D): how often each of `count` doors is drawn, where there are two different ones."""
    draws = rng.multinomial(count, np.full(count, 1 / count), size=2 * _RESAMPLES)
    return draws[draws.max(axis=1) < count][:_RESAMPLES]


def _discrepancy(kernels: list[np.ndarray], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(R,): MMD^2 with doors weighed by how often they were drawn: `a` and `b` are (R, D)."""
    within_a, within_b, between = kernels
    cross = np.einsum("ri,ij,rj->r", a, between, b, optimize=True)
    cross = cross / (a.sum(axis=1) * b.sum(axis=1))
    return _within(within_a, a) + _within(within_b, b) - 2 * cross


def _within(kernel: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(R,): mean of the kernel over pairs of different doors, with weights (R, D)."""
    pairs = np.einsum("ri,ij,rj->r", w, kernel, w, optimize=True) - w**2 @ np.diag(kernel)
    return pairs / (w.sum(axis=1) ** 2 - (w**2).sum(axis=1))


def _door_kernel(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """(D, D): the kernel's mean over the frames of two doors."""
    frames = a.shape[1]
    rows = [
        np.exp(-_squared_distances(door, _flat(b)) / width).mean(axis=0).reshape(-1, frames).mean(1)
        for door in a
    ]
    return np.stack(rows)


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.maximum(squares, 0.0)


def _flat(features: np.ndarray) -> np.ndarray:
    return features.reshape(-1, features.shape[-1])
