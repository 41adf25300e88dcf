"""Scores and statistics of the attributes that a predictor finds in real or generated frames.

Frames with known parameters (real frames, reconstructions) get scores. Sampled doors have no true
parameters. The distribution of their attributes is compared with that of real doors, and the frames
of a door with each other.

Legend: D doors, M frames per door.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from doorlab.evaluation.generation.attribute_predictor import AttributePredictions
from doorlab.intervals import Estimate, bootstrap_mean

OPEN_ANGLE = 0.1  # rad; joint angle from which a frame counts as one of an open door

STATISTICS = (
    "open_frames",
    "left_hinges",
    "pull_doors",
    "handedness_confidence",
    "swing_confidence",
    "handedness_agreement",
    "angle_std",
)


def attribute_scores(
    found: AttributePredictions, labels: Mapping[str, np.ndarray], seed: int = 0
) -> dict[str, Estimate]:
    """R^2 of the joint angle of frames, and accuracy of the handedness and swing of doors.

    Handedness and swing of a door are predicted from the mean log-odds of its frames. The intervals
    are over doors.

    Args:
        found: predictions for D doors.
        labels: the true values, as in `data.labels.load_labels`.
        seed: seed of the bootstrap.
    """
    scores = {"joint_angle": _r_squared(found.joint_angle, labels["joint_angle"], seed)}
    for name in ("handedness", "swing"):
        correct = (getattr(found, name).mean(axis=1) > 0) == (labels[name] > 0)
        scores[name] = bootstrap_mean(correct, seed=seed)
    return scores


def attribute_statistics(found: AttributePredictions, seed: int = 0) -> dict[str, Estimate]:
    """Distribution and consistency of the attributes of doors: the means of `STATISTICS`.

    open_frames: share of frames with a joint angle above `OPEN_ANGLE`.
    left_hinges, pull_doors: shares of doors, from the mean log-odds of their frames.
    handedness_confidence, swing_confidence: probability of the predicted class of a door.
    handedness_agreement: share of a door's frames whose prediction is that of the door.
    angle_std: standard deviation of the joint angle within a door, rad.
    """
    right, push = found.handedness.mean(axis=1), found.swing.mean(axis=1)
    agreement = (found.handedness > 0) == (right > 0)[:, None]
    values = (
        found.joint_angle > OPEN_ANGLE,
        right <= 0,
        push <= 0,
        _confidence(right),
        _confidence(push),
        agreement,
        found.joint_angle.std(axis=1),
    )
    return {
        name: bootstrap_mean(value, seed=seed)
        for name, value in zip(STATISTICS, values, strict=True)
    }


def _r_squared(
    predicted: Float[np.ndarray, "D M"], true: Float[np.ndarray, "D M"], seed: int
) -> Estimate:
    """R^2 over all frames of doors with a joint angle."""
    known = np.isfinite(true).all(axis=1)
    predicted, true = predicted[known], true[known]
    variance = float(np.var(true)) if true.size else 0.0
    if variance == 0.0:
        return Estimate(math.nan, (math.nan, math.nan), len(true), "all joint angles are equal")
    return bootstrap_mean(1.0 - (predicted - true) ** 2 / variance, seed=seed)


def _confidence(log_odds: Float[np.ndarray, " D"]) -> Float[np.ndarray, " D"]:
    """Probability of the more likely class."""
    return 1.0 / (1.0 + np.exp(-np.abs(log_odds)))
