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

# Below these a result refutes nothing: two seeds say next to nothing about the spread between
# training runs, and the interval of a mean over fewer doors is wider than most differences.
MIN_SEEDS, MIN_DOORS = 3, 50


def sample_size(doors: int, seeds: int) -> str:
    """How many doors and training seeds a figure rests on, in words.

    Fewer seeds than `MIN_SEEDS` are said to be too few: their interval hides what seeds change.
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
    """Why there is no such mean, which then is NaN; empty where there is one."""

    def to_json(self) -> dict[str, Any]:
        """`{"mean", "ci95": [low, high], "n"}`: the form of every figure in result files."""
        found = {"mean": self.mean, "ci95": list(self.ci95), "n": self.n}
        return {**found, "undefined": self.undefined} if self.undefined else found

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.ci95[0]:.3f}, {self.ci95[1]:.3f}]"


def bootstrap_mean(values: np.ndarray, *, seed: int = 0, resamples: int = 2000) -> Estimate:
    """The mean of `values` with a percentile bootstrap interval.

    Args:
        values: (n,) independent values, or (n, k) with k values for each of n units (the tries on
            a door, say): units are resampled whole, since values within one are not independent.
        seed: of the resampling.
        resamples: how many bootstrap samples.

    Raises:
        ConfigError: when there are no values.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise ConfigError("at least one value to average", "none", "use more doors")
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

    For figures that are no means, such as a sum of distances: resampling raises these further, by
    about as much as they are too large already. The basic interval (the percentile interval,
    reflected at the estimate; Davison & Hinkley 1997, section 5.2) takes that off; it may therefore
    lie below the estimate.

    Args:
        values: (n, k), k values for each of n units.
        function: of (..., k) means; gives (...).
        seed: of the resampling.
        resamples: how many bootstrap samples.

    Raises:
        ConfigError: when there are no values.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise ConfigError("at least one value to average", "none", "use more doors")
    n = len(values)
    found = float(function(values.mean(axis=0)))
    drawn = function(_counts(seed, n, resamples) @ values / n)
    smallest, largest = np.percentile(drawn, [2.5, 97.5])
    interval = (max(0.0, 2 * found - float(largest)), max(0.0, 2 * found - float(smallest)))
    return Estimate(found, interval, n)


def bootstrap_crossed(values: np.ndarray, *, seed: int = 0, resamples: int = 2000) -> Estimate:
    """The mean of `values` with an interval over both of its axes.

    Rows are runs (training seeds), columns are units (doors) that all runs were scored on, and a
    score holds neither for these runs nor for these units alone. Units are drawn anew. Runs are too
    few for that: of three, a bootstrap covers the truth some 75 times in 100. What they add to the
    variance, beyond what noise on single units does, is estimated as in an analysis of variance of
    crossed random effects (Searle, Casella & McCulloch 1992), and drawn from Student's t with the
    degrees of freedom that so many runs leave. One run has the interval of `bootstrap_mean`.

    Args:
        values: (s, n), one row per run; `n` of the estimate is the number of columns.
        seed: of the resampling.
        resamples: how many bootstrap samples.

    Raises:
        ConfigError: when there are no values.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise ConfigError("at least one value to average", "none", "use more doors")
    n = values.shape[1]
    drawn = _counts(seed, n, resamples) @ values.mean(axis=0) / n
    drawn = drawn + _of_runs([values], seed, resamples)
    low, high = np.percentile(drawn, [2.5, 97.5]).clip(values.min(), values.max())
    return Estimate(float(values.mean()), (float(low), float(high)), n)


def crossed_difference(
    a: np.ndarray, b: np.ndarray, *, seed: int = 0, resamples: int = 2000
) -> Estimate:
    """Mean of `a` minus that of `b`, scored on the same units by runs that have no partners.

    As `bootstrap_crossed`, but the variances of the runs of `a` and of `b` are estimated apart and
    added, with degrees of freedom after Welch (1947). Where runs are partners (the same training
    seeds) `bootstrap_crossed(a - b)` is sharper.

    Args:
        a: (s, n), one row per run.
        b: (t, n), likewise.
        seed: of the resampling.
        resamples: how many bootstrap samples.

    Raises:
        ConfigError: when there are no values, or other units.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.size == 0 or a.shape[1] != b.shape[1]:
        raise ConfigError("runs on the same units", f"{a.shape} and {b.shape}", "pair the units")
    n = a.shape[1]
    drawn = _counts(seed, n, resamples) @ (a.mean(axis=0) - b.mean(axis=0)) / n
    low, high = np.percentile(drawn + _of_runs([a, b], seed, resamples), [2.5, 97.5])
    return Estimate(float(a.mean() - b.mean()), (float(low), float(high)), n)


def _of_runs(groups: Sequence[np.ndarray], seed: int, resamples: int) -> np.ndarray:
    """(resamples,): what the choice of runs adds to a sum of the groups' means, by chance."""
    parts = [(_run_variance(g), len(g) - 1) for g in groups if len(g) > 1]
    total = sum(variance for variance, _ in parts)
    if total == 0.0:
        return np.zeros(resamples)
    freedom = total**2 / sum(variance**2 / left for variance, left in parts)
    return math.sqrt(total) * _student(freedom, resamples, seed)


def _run_variance(values: np.ndarray) -> float:
    """Of the mean of (s, n) values, that part of the variance that the runs themselves make."""
    runs, n = values.shape
    by_run = values.mean(axis=1, keepdims=True)
    noise = values - by_run - values.mean(axis=0) + values.mean()
    of_noise = (noise**2).sum() / (runs - 1) / max(1, n - 1)
    return max(0.0, float(by_run.var(ddof=1) - of_noise / n)) / runs


def _student(freedom: float, size: int, seed: int) -> np.ndarray:
    """Draws from Student's t; evenly spread over its quantiles, as tails by chance are ragged."""
    from scipy.stats import t  # here: it takes half a second

    return stream(seed, "runs").permutation(t.ppf((np.arange(size) + 0.5) / size, freedom))


@lru_cache(maxsize=4)  # many figures of one table share their units: drawing is the slow part
def _counts(seed: int, n: int, resamples: int) -> np.ndarray:
    """(resamples, n): how often each unit is drawn. Multinomial counts take less memory."""
    return stream(seed, "bootstrap").multinomial(n, np.full(n, 1 / n), size=resamples)


def paired_difference(a: np.ndarray, b: np.ndarray, *, seed: int = 0) -> Estimate:
    """Mean of `a - b` over paired units, with its interval. Shapes as in `bootstrap_mean`."""
    return bootstrap_mean(np.asarray(a, np.float64) - np.asarray(b, np.float64), seed=seed)
