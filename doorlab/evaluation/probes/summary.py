"""Summaries of probe scores for result files: tables, curves, and paired differences.

Every entry is {"metric", "mean", "ci95", "n"}. Intervals are over doors, and also over seeds if
there are several (`doorlab.intervals.bootstrap_crossed`).

Legend: S training seeds, D test doors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from doorlab.data.targets import TARGETS
from doorlab.evaluation.probes.plan import LATENTS, ProbeSpec, reference_frames
from doorlab.intervals import bootstrap_crossed

Contributions = Mapping[str, Mapping[ProbeSpec, np.ndarray]]
"""Model -> probe -> (S, D): contribution of each test door to the score, for each seed."""
Figure = dict[str, Any]

# Target -> minimum score that a statistician should reach, from the target's own latent.
THRESHOLDS: dict[str, float] = {
    "handedness": 0.99,
    "swing": 0.98,
    "width": 0.93,
    "height": 0.80,
    "place": 0.80,
    "joint_angle": 0.93,
}


def summarize(
    found: Contributions, statisticians: Iterable[str], context_free: Iterable[str], seed: int = 0
) -> dict[str, Any]:
    """Summarizes the scores of several models: scores, differences, latents and curves.

    Args:
        found: contributions of the test doors to the scores.
        statisticians: names of models with a context.
        context_free: names of the models that statisticians are compared with.
        seed: seed of the bootstrap.
    """
    main = headline({reading for scores in found.values() for reading in scores})
    own = [reading for reading in main if reading.own]
    ours = [model for model in statisticians if model in found]
    return {
        "statisticians": ours,
        "probes": {model: _figures(scores, own, seed) for model, scores in found.items()},
        "differences": differences(found, ours, context_free, own, seed),
        "latents": {
            model: {
                latent: _figures(scores, [r for r in main if r.latent == latent], seed)
                for latent in LATENTS
            }
            for model, scores in found.items()
        },
        "curves": curves(found, own, seed),
    }


def headline(readings: Iterable[ProbeSpec]) -> list[ProbeSpec]:
    """The probes with `reference_frames` and the most doors, in the order of the targets."""
    readings, order = list(readings), list(TARGETS)
    if not readings:
        return []
    main = (reference_frames(r.frames for r in readings), max(r.doors for r in readings))
    return sorted(
        (r for r in readings if (r.frames, r.doors) == main),
        key=lambda r: (order.index(r.target), r.latent),
    )


def differences(
    found: Contributions,
    statisticians: Iterable[str],
    context_free: Iterable[str],
    own: Iterable[ProbeSpec],
    seed: int,
) -> dict[str, dict[str, Figure]]:
    """Score of each statistician minus each context-free model, paired by door and seed.

    Returns:
        "STATISTICIAN - MODEL" -> target -> difference.
    """
    own, rivals = list(own), [model for model in context_free if model in found]
    return {
        f"{ours} - {model}": {
            r.target: bootstrap_crossed(found[ours][r] - found[model][r], seed=seed).to_json()
            for r in own
            if r in found[ours] and r in found[model]
        }
        for ours in statisticians
        for model in rivals
    }


def curves(found: Contributions, own: Iterable[ProbeSpec], seed: int) -> dict[str, Any]:
    """Curves along the axes "frames" and "doors": axis -> positions and scores.

    The scores are model -> target -> one entry per position, None if a probe is missing. An axis
    with a single position is left out.
    """
    readings = {reading for scores in found.values() for reading in scores}
    result = {}
    for axis in ("frames", "doors"):
        at = sorted({getattr(reading, axis) for reading in readings})
        if len(at) > 1:
            along = {r.target: [r.moved(axis, place) for place in at] for r in own}
            scores = {model: _curves(s, along, seed) for model, s in found.items()}
            result[axis] = {"at": at, "scores": scores}
    return result


def vs_best_baseline(
    found: Contributions, summary: Mapping[str, Any], context_free: Iterable[str], seed: int = 0
) -> dict[str, dict[str, Figure]]:
    """Score of each statistician minus that of the best context-free model, by target.

    The result is statistician -> target -> difference and name of the best model. The best model is
    selected by its mean on the same test doors, which biases the comparison in its favor.
    """
    rivals = [model for model in context_free if model in found]
    own = [r for r in headline({r for scores in found.values() for r in scores}) if r.own]
    result: dict[str, dict[str, Figure]] = {ours: {} for ours in summary["statisticians"]}
    for reading in own:
        known = [m for m in rivals if reading in found[m]]
        if not known:
            continue
        best = max(known, key=lambda m: summary["probes"][m][reading.target]["mean"])
        for ours in [ours for ours in result if reading in found[ours]]:
            difference = found[ours][reading] - found[best][reading]
            estimate = bootstrap_crossed(difference, seed=seed)
            result[ours][reading.target] = {"rival": best, **estimate.to_json()}
    return result


def bars(summary: Mapping[str, Any]) -> dict[str, dict[str, Figure]]:
    """Statistician -> target -> score, threshold ("bar"), and whether the mean reaches it."""
    return {
        ours: {
            target: {**scores[target], "bar": bar, "reached": scores[target]["mean"] >= bar}
            for target, bar in THRESHOLDS.items()
            if target in scores
        }
        for ours in summary["statisticians"]
        for scores in (summary["probes"][ours],)
    }


def _figures(
    scores: Mapping[ProbeSpec, np.ndarray], readings: Iterable[ProbeSpec], seed: int
) -> dict[str, Figure]:
    return {r.target: _figure(r, scores[r], seed) for r in readings if r in scores}


def _curves(
    scores: Mapping[ProbeSpec, np.ndarray], along: Mapping[str, list[ProbeSpec]], seed: int
) -> dict[str, list[Figure | None]]:
    return {
        target: [_figure(r, scores[r], seed) if r in scores else None for r in readings]
        for target, readings in along.items()
        if any(r in scores for r in readings)
    }


def _figure(reading: ProbeSpec, values: np.ndarray, seed: int) -> Figure:
    estimate = bootstrap_crossed(values, seed=seed)
    return {"metric": TARGETS[reading.target].metric, **estimate.to_json()}
