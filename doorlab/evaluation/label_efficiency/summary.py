"""Scores of models by number of labeled doors, with intervals over doors and seeds.

All models are trained with the same seeds and evaluated on the same doors, so that differences are
paired by seed and door (`doorlab.intervals.bootstrap_crossed`).

Legend: S training seeds, D doors, N sizes of the context set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from doorlab.intervals import Estimate, bootstrap_crossed

Scores = Mapping[str, Mapping[int, np.ndarray]]
"""Model -> number of labeled doors -> (S, D, ...)."""

ERROR = "reward_mse"  # the metric that is also reported as a share of the variance


def reward_summary(metrics: Mapping[str, Scores], variance: float, seed: int = 0) -> dict[str, Any]:
    """Summarizes metrics by model and number of labeled doors.

    Args:
        metrics: "reward_mse", "log_likelihood", ... -> scores (S, D, N); the metric is the mean of
            the scores over doors.
        variance: variance of the rewards, above 0: the error of always predicting their mean.
        seed: seed of the bootstrap.

    Returns:
        Model -> number of labeled doors -> estimates as JSON: under the name of each metric and
        under "reward_mse_over_variance" the means over the sizes of the context set, and under
        "after" a list of N estimates per metric, one per size.
    """
    models = next(iter(metrics.values()))
    return {
        model: {
            str(labeled): _of_one(
                {name: scores[model][labeled] for name, scores in metrics.items()}, variance, seed
            )
            for labeled in counts
        }
        for model, counts in models.items()
    }


def differences(scores: Scores, ours: str, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Paired differences of means: "OURS - RIVAL" -> labeled doors -> estimate as JSON."""
    return {
        f"{ours} - {rival}": {
            str(labeled): difference(scores[ours][labeled], scores[rival][labeled], seed)
            for labeled in scores[ours]
            if labeled in scores[rival]
        }
        for rival in scores
        if rival != ours
    }


def difference(a: np.ndarray, b: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """Paired difference of the means of a (S, D, ...) and b (S or 1, D, ...), as JSON."""
    return bootstrap_crossed(per_door(a) - per_door(b), seed=seed).to_json()


def per_door(values: np.ndarray) -> np.ndarray:
    """Averages values (S, D, ...) over all axes behind the door: (S, D)."""
    return values.reshape(*values.shape[:2], -1).mean(axis=2)


def _of_one(metrics: Mapping[str, np.ndarray], variance: float, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: bootstrap_crossed(per_door(values), seed=seed) for name, values in metrics.items()
    }
    if ERROR in found:
        found[f"{ERROR}_over_variance"] = scaled(found[ERROR], 1 / variance)
    after = {
        name: [
            bootstrap_crossed(values[..., n], seed=seed).to_json() for n in range(values.shape[2])
        ]
        for name, values in metrics.items()
    }
    return {**{name: estimate.to_json() for name, estimate in found.items()}, "after": after}


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """Multiplies an estimate and its interval by a positive constant, for a change of units."""
    low, high = estimate.ci95
    return Estimate(estimate.mean * factor, (low * factor, high * factor), estimate.n)
