"""Timing in rounds, with intervals over the rounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from doorlab.intervals import Estimate, bootstrap_mean

Work = Callable[[], int]  # does some work and returns the number of items


def rate(work: Work) -> float:
    """Items per second of one call of `work`."""
    start = time.perf_counter()
    items = work()
    return items / (time.perf_counter() - start)


def rates(work: Work, rounds: int) -> Estimate:
    """Items per second, after one warm-up call."""
    work()
    return bootstrap_mean(np.array([rate(work) for _ in range(rounds)]))


def paired_rates(ours: Work, bare: Work, rounds: int) -> tuple[Estimate, Estimate, Estimate]:
    """Items per second of `ours` and of `bare`, and the ratio ours / bare within each round."""
    ours()
    bare()
    return paired(partial(rate, ours), partial(rate, bare), rounds)


def paired(
    ours: Callable[[], float], bare: Callable[[], float], rounds: int
) -> tuple[Estimate, Estimate, Estimate]:
    """Like `paired_rates`, for functions that measure their own rate and need no warm-up."""
    pairs = np.array([(ours(), bare()) for _ in range(rounds)])
    return (
        bootstrap_mean(pairs[:, 0]),
        bootstrap_mean(pairs[:, 1]),
        bootstrap_mean(pairs[:, 0] / pairs[:, 1]),
    )
