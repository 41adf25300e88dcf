"""How well a reward model predicts the doors of a set, by the number of interactions seen.

The first half of a door's recorded interactions is there to be seen, the second to be predicted,
whatever the number seen: figures for different numbers are about the same rewards.

Legend: D doors, J interactions recorded with each, T of them predicted, E embedding, A = 4 action
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
from doorlab.nn.interactions import InteractionSet

CONTEXTS = tuple(range(11))
"""Numbers of interactions seen for which a study gives figures."""


@dataclass(frozen=True)
class Predictions:
    """What a model said of rewards, and what they were; all (D, T)."""

    outcome: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    log_likelihood: np.ndarray
    """Of each reward alone, in nats, with respect to the measure of
    `objectives.reward_likelihoods`.
    """

    @property
    def squared_error(self) -> np.ndarray:
        """Of the predicted means."""
        return (self.mean - self.outcome) ** 2


def shown(interactions: int) -> int:
    """Of so many interactions with a door, those that may be seen."""
    return interactions // 2


@torch.no_grad()
def predictions(
    model: Any,
    embedding: Float[Tensor, "D E"],
    actions: Float[Tensor, "D J A"],
    rewards: Float[Tensor, "D J"],
    contexts: Sequence[int],
) -> dict[int, Predictions]:
    """Interactions seen -> what the model then says of the second half.

    Args:
        model: a reward model in evaluation mode, on the device of the tensors.
        embedding: of the doors, by that model.
        actions: all that were recorded.
        rewards: what they obtained.
        contexts: how many of the first half to show; larger numbers than it has are left out.
    """
    half = shown(actions.shape[1])
    tried = InteractionSet.all(actions[:, :half], rewards[:, :half])
    at, outcome = actions[:, half:], rewards[:, half:]
    found = {}
    for seen in [n for n in contexts if n <= half]:
        said = model.predict(embedding, tried.first(seen), at)
        arrays = (outcome, said.mean, said.std, said.log_prob(outcome))
        found[seen] = Predictions(*(x.cpu().numpy() for x in arrays))
    return found


def predictions_on(
    model: Any, doors: DoorData, contexts: Sequence[int] = CONTEXTS
) -> dict[int, Predictions]:
    """The same of doors that the model has not looked at yet."""
    embedding = embed_all(model, doors.images)
    return predictions(model, embedding, doors.actions, doors.rewards, contexts)


def figures(found: dict[int, Predictions], seed: int = 0) -> dict[str, Estimate]:
    """Errors, log-likelihoods and calibration errors after n interactions, over doors.

    Named reward_mse_after_N, log_likelihood_after_N (nats per reward) and
    calibration_error_after_N.
    """
    estimates = {}
    for seen, said in found.items():
        estimates[f"reward_mse_after_{seen}"] = bootstrap_mean(said.squared_error, seed=seed)
        likelihood = bootstrap_mean(said.log_likelihood, seed=seed)
        estimates[f"log_likelihood_after_{seen}"] = likelihood
        calibration = calibration_error(said.mean, said.outcome, seed=seed)
        estimates[f"calibration_error_after_{seen}"] = calibration
    return estimates


def means(found: dict[int, Predictions]) -> dict[str, float]:
    """The first two of them without their intervals: cheap enough for every look."""
    errors = {f"reward_mse_after_{n}": float(p.squared_error.mean()) for n, p in found.items()}
    likelihoods = {
        f"log_likelihood_after_{n}": float(p.log_likelihood.mean()) for n, p in found.items()
    }
    return errors | likelihoods


def zero_shot_mse(seen: Mapping[str, float]) -> float:
    """Of the figures of `means`, the squared error before any interaction."""
    return seen["reward_mse_after_0"]


def mean_error(seen: Mapping[str, float]) -> float:
    """Of the figures of `means`, the squared error as a mean over the numbers of interactions."""
    return float(np.mean([v for k, v in seen.items() if k.startswith("reward_mse_after_")]))
