"""Prediction metrics of a reward model on a set of doors, by the size of the context set.

The context set comes from the first half of the recorded interactions of a door; the target set is
the second half. The target set does not depend on the size of the context set, so that metrics for
different sizes are comparable.

Legend: D doors, J recorded interactions per door, T target interactions, E embedding, A = 4 action
coordinates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.data.tensors.batches import DoorData
from doorlab.evaluation.calibration import calibration_error
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.models.embedding import embed_all
from doorlab.nn.context_sets import InteractionSet

CONTEXTS = tuple(range(11))
"""Sizes of the context set for which a study computes metrics."""


@dataclass(frozen=True)
class Predictions:
    """Predictions for the target set, and the observed rewards; all arrays (D, T)."""

    outcome: np.ndarray
    """Observed rewards."""
    mean: np.ndarray
    """Predicted means."""
    std: np.ndarray
    """Predicted standard deviations."""
    log_likelihood: np.ndarray
    """Marginal log-likelihood of each reward, in nats, with respect to the measure of
    `objectives.reward_likelihoods`.
    """

    @property
    def squared_error(self) -> np.ndarray:
        """Squared error of the predicted means."""
        return (self.mean - self.outcome) ** 2


def max_context_size(interactions: int) -> int:
    """Largest size of the context set, for a number of recorded interactions per door."""
    return interactions // 2


@torch.no_grad()
def predictions(
    model: Any,
    embedding: Float[Tensor, "D E"],
    actions: Float[Tensor, "D J A"],
    rewards: Float[Tensor, "D J"],
    contexts: Sequence[int],
) -> dict[int, Predictions]:
    """Size of the context set -> predictions for the target set.

    Args:
        model: a reward model in evaluation mode, on the device of the tensors.
        embedding: embeddings of the doors by that model.
        actions: all recorded actions.
        rewards: rewards of the actions.
        contexts: sizes of the context set; sizes above half of J are left out.
    """
    half = max_context_size(actions.shape[1])
    context = InteractionSet.all(actions[:, :half], rewards[:, :half])
    targets, outcome = actions[:, half:], rewards[:, half:]
    by_size = {}
    for size in [n for n in contexts if n <= half]:
        prediction = model.predict(embedding, context.first(size), targets)
        arrays = (outcome, prediction.mean, prediction.std, prediction.log_prob(outcome))
        by_size[size] = Predictions(*(x.cpu().numpy() for x in arrays))
    return by_size


def predictions_on(
    model: Any, doors: DoorData, contexts: Sequence[int] = CONTEXTS
) -> dict[int, Predictions]:
    """Embeds doors and predicts their target sets: size of the context set -> predictions."""
    embedding = embed_all(model, doors.images)
    return predictions(model, embedding, doors.actions, doors.rewards, contexts)


def summarize(found: dict[int, Predictions], seed: int = 0) -> dict[str, Estimate]:
    """Metrics for each size N of the context set, with intervals over doors.

    The names are reward_mse_after_N, log_likelihood_after_N (nats per reward) and
    calibration_error_after_N.
    """
    estimates = {}
    for size, prediction in found.items():
        estimates[f"reward_mse_after_{size}"] = bootstrap_mean(prediction.squared_error, seed=seed)
        likelihood = bootstrap_mean(prediction.log_likelihood, seed=seed)
        estimates[f"log_likelihood_after_{size}"] = likelihood
        calibration = calibration_error(prediction.mean, prediction.outcome, seed=seed)
        estimates[f"calibration_error_after_{size}"] = calibration
    return estimates


def means(found: dict[int, Predictions]) -> dict[str, float]:
    """reward_mse_after_N and log_likelihood_after_N without intervals.

    This function is fast enough to be called at every validation.
    """
    errors = {f"reward_mse_after_{n}": float(p.squared_error.mean()) for n, p in found.items()}
    likelihoods = {
        f"log_likelihood_after_{n}": float(p.log_likelihood.mean()) for n, p in found.items()
    }
    return errors | likelihoods


def zero_shot_mse(metrics: Mapping[str, float]) -> float:
    """Squared error with an empty context set, from the result of `means`."""
    return metrics["reward_mse_after_0"]


def mean_error(metrics: Mapping[str, float]) -> float:
    """Squared error averaged over the sizes of the context set, from the result of `means`."""
    return float(np.mean([v for k, v in metrics.items() if k.startswith("reward_mse_after_")]))
