"""Means with 95 % intervals: percentile bootstrap over units, Student's t over training runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from doorlab.errors import ConfigError
from doorlab.seeding import stream

# Smaller samples cannot refute a claim: two seeds hardly determine the variance between training
# runs, and with fewer doors intervals are wider than most differences.
MIN_SEEDS, MIN_DOORS = 3, 50


def sample_size(doors: int, seeds: int) -> str:
    """Describes the numbers of doors and training seeds behind a result.

    For fewer than `MIN_SEEDS` seeds the text warns that an interval over seeds is not possible.
    """
    words = f"{doors} doors, {seeds} training {'seed' if seeds == 1 else 'seeds'}"
    return words if seeds >= MIN_SEEDS else f"{words}: too few for an interval over seeds"


@dataclass(frozen=True)
class Estimate:
    """A mean, its 95 % interval, and the number of independent units behind it."""

    mean: float
    ci95: tuple[float, float]
    n: int
    undefined: str = ""
    """Reason why the mean is undefined (NaN); empty if it is defined."""

    def to_json(self) -> dict[str, Any]:
        """`{"mean", "ci95": [low, high], "n"}`, the form of all numbers in result files."""
        document = {"mean": self.mean, "ci95": list(self.ci95), "n": self.n}
        return {**document, "undefined": self.undefined} if self.undefined else document

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.ci95[0]:.3f}, {self.ci95[1]:.3f}]"


def bootstrap_mean(values: np.ndarray, *, seed: int = 0, resamples: int = 2000) -> Estimate:
    """The mean of `values` with a percentile bootstrap interval.

    Args:
        values: (n,) independent values, or (n, k) with k values for each of n units (for example
            the interactions with a door). Whole units are resampled, since the values of a unit
            are not independent.
        seed: seed of the resampling.
        resamples: number of bootstrap samples.

    Raises:
        ConfigError: if there are no values.
    """
    values = _nonempty(values)
    units = values if values.ndim == 1 else values.reshape(len(values), -1).mean(axis=1)
    n = len(units)
    means = _counts(seed, n, resamples) @ units / n
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(units.mean()), (float(low), float(high)), n)


def bootstrap_function(
    values: np.ndarray,
    function: Callable[[np.ndarray], np.ndarray],
    *,
    seed: int = 0,
    resamples: int = 2000,
) -> Estimate:
    """A function >= 0 of the means of `values` over units, with a basic bootstrap interval.

    For statistics that are not means, such as a sum of distances. Sampling noise biases such a
    statistic upwards, and resampling adds about the same bias again. The basic interval (the
    percentile interval reflected at the estimate; Davison & Hinkley 1997, section 5.2) corrects for
    the bias; it may therefore lie below the estimate.

    Args:
        values: (n, k), k values for each of n units.
        function: maps (..., k) means to (...).
        seed: seed of the resampling.
        resamples: number of bootstrap samples.

    Raises:
        ConfigError: if there are no values.
    """
    values = _nonempty(values)
    n = len(values)
    estimate = float(function(values.mean(axis=0)))
    samples = function(_counts(seed, n, resamples) @ values / n)
    smallest, largest = np.percentile(samples, [2.5, 97.5])
    interval = (max(0.0, 2 * estimate - float(largest)), max(0.0, 2 * estimate - float(smallest)))
    return Estimate(estimate, interval, n)


def bootstrap_crossed(values: np.ndarray, *, seed: int = 0, resamples: int = 2000) -> Estimate:
    """The mean of `values` with an interval over both of its axes.

    Rows are runs (training seeds), columns are units (doors) on which all runs were evaluated. The
    interval generalizes over both. Units are resampled. Runs are too few to be resampled: with
    three runs, a bootstrap interval covers the truth only about 75 times in 100. The variance that
    runs contribute, beyond noise on single units, is instead estimated as in an analysis of
    variance with crossed random effects (Searle, Casella & McCulloch 1992), and sampled from
    Student's t with the corresponding degrees of freedom. For one run the interval is that of
    `bootstrap_mean`.

    Args:
        values: (s, n), one row per run; `n` of the estimate is the number of columns.
        seed: seed of the resampling.
        resamples: number of bootstrap samples.

    Raises:
        ConfigError: if there are no values.
    """
    values = _nonempty(values)
    n = values.shape[1]
    samples = _counts(seed, n, resamples) @ values.mean(axis=0) / n
    samples = samples + _of_runs([values], seed, resamples)
    low, high = np.percentile(samples, [2.5, 97.5]).clip(values.min(), values.max())
    return Estimate(float(values.mean()), (float(low), float(high)), n)


def crossed_difference(
    a: np.ndarray, b: np.ndarray, *, seed: int = 0, resamples: int = 2000
) -> Estimate:
    """Mean of `a` minus mean of `b`, evaluated on the same units by unpaired runs.

    Like `bootstrap_crossed`, but the run variances of `a` and `b` are estimated separately and
    added, with degrees of freedom after Welch (1947). For paired runs (the same training seeds)
    `bootstrap_crossed(a - b)` gives a narrower interval.

    Args:
        a: (s, n), one row per run.
        b: (t, n), one row per run.
        seed: seed of the resampling.
        resamples: number of bootstrap samples.

    Raises:
        ConfigError: if there are no values, or the numbers of units differ.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.size == 0 or a.shape[1] != b.shape[1]:
        raise ConfigError("runs on the same units", f"{a.shape} and {b.shape}", "pair the units")
    n = a.shape[1]
    resampled = _counts(seed, n, resamples) @ (a.mean(axis=0) - b.mean(axis=0)) / n
    low, high = np.percentile(resampled + _of_runs([a, b], seed, resamples), [2.5, 97.5])
    return Estimate(float(a.mean() - b.mean()), (float(low), float(high)), n)


def student_mean(values: np.ndarray) -> Estimate:
    """The mean of `values` with the interval of Student's t, for few independent values.

    With a single value the interval is undefined (NaN).

    Args:
        values: (n,) independent values, about normally distributed.

    Raises:
        ConfigError: if there are no values.
    """
    from scipy.stats import t  # imported here because it takes half a second

    values = _nonempty(values)
    n, mean = len(values), float(values.mean())
    if n == 1:
        return Estimate(mean, (math.nan, math.nan), 1)
    half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return Estimate(mean, (mean - half, mean + half), n)


def _of_runs(groups: Sequence[np.ndarray], seed: int, resamples: int) -> np.ndarray:
    """(resamples,): random deviations of a sum of group means due to the choice of runs."""
    parts = [(_run_variance(g), len(g) - 1) for g in groups if len(g) > 1]
    total = sum(variance for variance, _ in parts)
    if total == 0.0:
        return np.zeros(resamples)
    freedom = total**2 / sum(variance**2 / left for variance, left in parts)
    return math.sqrt(total) * _student(freedom, resamples, seed)


def _nonempty(values: np.ndarray) -> np.ndarray:
    """The values as float64. Raises ConfigError if there are none."""
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise ConfigError("at least one value to average", "none", "use more doors")
    return values


def _run_variance(values: np.ndarray) -> float:
    """The part of the variance of the mean of (s, n) values that runs contribute."""
    runs, n = values.shape
    by_run = values.mean(axis=1, keepdims=True)
    noise = values - by_run - values.mean(axis=0) + values.mean()
    of_noise = (noise**2).sum() / (runs - 1) / max(1, n - 1)
    return max(0.0, float(by_run.var(ddof=1) - of_noise / n)) / runs


def _student(freedom: float, size: int, seed: int) -> np.ndarray:
    """Samples of Student's t: equally spaced quantiles, shuffled, as random tails are noisy."""
    from scipy.stats import t  # imported here because it takes half a second

    return stream(seed, "runs").permutation(t.ppf((np.arange(size) + 0.5) / size, freedom))


@lru_cache(maxsize=4)  # many results of one table share units, and sampling is the slow part
def _counts(seed: int, n: int, resamples: int) -> np.ndarray:
    """(resamples, n): how often each unit is sampled. Multinomial counts save memory."""
    return stream(seed, "bootstrap").multinomial(n, np.full(n, 1 / n), size=resamples)


def paired_difference(a: np.ndarray, b: np.ndarray, *, seed: int = 0) -> Estimate:
    """Mean of `a - b` over paired units, with its interval. Shapes as in `bootstrap_mean`."""
    return bootstrap_mean(np.asarray(a, np.float64) - np.asarray(b, np.float64), seed=seed)
