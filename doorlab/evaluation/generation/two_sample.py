"""Two-sample tests of image features: accuracy of a classifier, and kernel discrepancy (MMD).

The frames of one door depend on each other. The unit of all estimates is therefore the door: the
classifier is tested on held-out doors, the kernel estimate averages over pairs of doors, and the
intervals resample doors.

Legend: D doors, M frames per door, F features, R resamples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from doorlab.errors import ConfigError
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.seeding import stream

_RESAMPLES = 1000
_PENALTY = 10.0  # on the weights of the classifier: there are few doors and many features


@dataclass(frozen=True)
class TwoSampleScore:
    """Difference between two sets of images.

    Attributes:
        accuracy: accuracy of a classifier of the two sets on held-out doors (Lopez-Paz and Oquab
            2017): 0.5 if the sets are indistinguishable, 1 if they are always distinguishable.
        mmd2: squared maximum mean discrepancy, unbiased (Gretton et al. 2012, eq. 3): 0 on average
            for the same distribution, at most 2.
    """

    accuracy: Estimate
    mmd2: Estimate


def two_sample_score(real: np.ndarray, other: np.ndarray, seed: int = 0) -> TwoSampleScore:
    """Compares the features (D, M, F) of real images with those of other images.

    The real features alone determine the standardization and the width of the kernel. Scores of
    several sets against the same real images are therefore comparable.

    Raises ConfigError for fewer than four doors, or if the shapes differ.
    """
    if real.shape != other.shape or len(real) < 4:
        raise ConfigError(
            "two sets of at least four doors, with equal numbers of doors and frames",
            f"features of {real.shape[:2]} and {other.shape[:2]} doors and frames",
            "use more test doors",
        )
    mean, std = real.mean(axis=(0, 1)), real.std(axis=(0, 1))
    real, other = ((x - mean) / np.where(std > 0, std, 1.0) for x in (real, other))
    # The unit is a pair of a real and another door, so that resamples stay balanced.
    accuracy = bootstrap_mean(held_out_hits(real, other), seed=seed)
    return TwoSampleScore(accuracy, mmd2(real, other, seed))


def held_out_hits(real: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(D - D // 2, 2 M): correct predictions of a logistic regression on held-out doors.

    The classifier is fitted on the first half of the doors and tested on the second half. A row
    holds the frames of a real door, then those of another door. The halves are not swapped for a
    second fit: the results of both fits would be dependent, and the interval too narrow.
    """
    from sklearn.linear_model import LogisticRegression  # imported late: it takes a second

    half = len(real) // 2
    x = np.concatenate([_flat(real[:half]), _flat(other[:half])])
    y = np.repeat([False, True], len(x) // 2)
    classifier = LogisticRegression(C=1 / _PENALTY, max_iter=2000).fit(x, y)
    labels = [classifier.predict(_flat(s[half:])).reshape(-1, s.shape[1]) for s in (real, other)]
    return np.concatenate([~labels[0], labels[1]], axis=1)


def mmd2(real: np.ndarray, other: np.ndarray, seed: int = 0) -> Estimate:
    """Squared maximum mean discrepancy of features (D, M, F), with a bootstrap over doors.

    The variance of the estimate is the sum of a part from single doors and a part from pairs of
    doors. If the two distributions are equal, only the part from pairs remains. The bootstrap
    triples the part from pairs (Arcones and Gine 1992, "On the bootstrap of U and V statistics"),
    because it resamples the random similarity of a door to the other doors as a property of that
    door. The resampled values are therefore rescaled to a variance that contains this part once.

    The kernel is k(a, b) = exp(-|a - b|^2 / w), with w the median of the squared distances between
    real images. Pairs of frames of the same door are left out, because they are not independent.
    The estimate is undefined if w is 0.
    """
    width = float(np.median(_squared_distances(_flat(real)[:1000], _flat(real)[:1000])))
    if width == 0.0:
        reason = "the features of all real images are equal"
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
    """The part of the variance of MMD^2 that comes from pairs of doors."""
    within_a, within_b, between = (
        k - k.mean(axis=0) - k.mean(axis=1, keepdims=True) + k.mean() for k in kernels
    )
    count = len(between)
    within = sum(float((k**2).sum() - (np.diag(k) ** 2).sum()) for k in (within_a, within_b))
    return 2 * within / (count * (count - 1)) ** 2 + 4 * float((between**2).sum()) / count**4


def _resampled(count: int, rng: np.random.Generator) -> np.ndarray:
    """(R, D): number of draws of each of `count` doors; each resample has two doors or more."""
    draws = rng.multinomial(count, np.full(count, 1 / count), size=2 * _RESAMPLES)
    return draws[draws.max(axis=1) < count][:_RESAMPLES]


def _discrepancy(kernels: list[np.ndarray], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(R,): MMD^2 with doors weighted by their numbers of draws, `a` and `b` (R, D)."""
    within_a, within_b, between = kernels
    cross = np.einsum("ri,ij,rj->r", a, between, b, optimize=True)
    cross = cross / (a.sum(axis=1) * b.sum(axis=1))
    return _within(within_a, a) + _within(within_b, b) - 2 * cross


def _within(kernel: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(R,): mean of the kernel over pairs of different doors, with weights (R, D)."""
    pairs = np.einsum("ri,ij,rj->r", w, kernel, w, optimize=True) - w**2 @ np.diag(kernel)
    return pairs / (w.sum(axis=1) ** 2 - (w**2).sum(axis=1))


def _door_kernel(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """(D, D): mean of the kernel over all pairs of frames of two doors."""
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
