"""Scores of models by the number of labelled doors, with intervals over doors and seeds.

Every model was trained with the same seeds and met the same doors: differences are taken seed by
seed and door by door (`doorlab.intervals.bootstrap_crossed`).

Legend: S training seeds, D doors, N numbers of interactions seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from doorlab.intervals import Estimate, bootstrap_crossed

Scores = Mapping[str, Mapping[int, np.ndarray]]
"""Model -> number of labelled doors -> (S, D, ...)."""

ERROR = "reward_mse"  # the metric that is also given as a share of the variance


def reward_summary(metrics: Mapping[str, Scores], variance: float, seed: int = 0) -> dict[str, Any]:
    """Model -> labelled doors -> metrics: as means over the numbers of interactions seen, and each.

    Args:
        metrics: "reward_mse", "log_likelihood", ... -> scores (S, D, N), whose means over the doors
            are the metric.
        variance: of the rewards, above 0: the error of always predicting their mean.
        seed: of the bootstrap.

    Returns:
        Estimates as JSON under every metric's name, under "reward_mse_over_variance", and under
        "after", where every metric is a list of N.
    """
    models = next(iter(metrics.values()))
    return {
        model: {
            str(labelled): _of_one(
                {name: scores[model][labelled] for name, scores in metrics.items()}, variance, seed
            )
            for labelled in counts
        }
        for model, counts in models.items()
    }


def differences(scores: Scores, ours: str, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Differences of means, in pairs: "OURS - RIVAL" -> labelled doors -> estimate as JSON."""
    return {
        f"{ours} - {rival}": {
            str(labelled): difference(scores[ours][labelled], scores[rival][labelled], seed)
            for labelled in scores[ours]
            if labelled in scores[rival]
        }
        for rival in scores
        if rival != ours
    }


def difference(a: np.ndarray, b: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """Of the means of (S, D, ...) and (S or 1, D, ...), with its interval, as JSON."""
    return bootstrap_crossed(per_door(a) - per_door(b), seed=seed).to_json()


def per_door(values: np.ndarray) -> np.ndarray:
    """(S, D) from (S, D, ...): means over all that belongs to one door."""
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
    """In other units: `factor` is positive and known."""
    low, high = estimate.ci95
    return Estimate(estimate.mean * factor, (low * factor, high * factor), estimate.n)
