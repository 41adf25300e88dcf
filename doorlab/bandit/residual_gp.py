"""A Gaussian process on the residuals of a reward model, given the interactions with a door.

A neural process encodes the interactions with a door as a vector of fixed size. Trained on few
labeled doors, it predicts other rewards than those that it was given: a policy then repeats actions
that failed, and leaves actions that succeeded. Here a Gaussian process over actions, one per door,
models the differences between the observed rewards and the model's predictions, which already use
the interactions. Predictions for actions near the observed ones follow the observed rewards;
elsewhere they are those of the model. (Contextual prior prediction, `policies.cpp`, models the
residuals of predictions without interactions; Moses et al. 2020.)

Legend: B doors, M frames, C H W an image, E embedding, N interactions, T query actions, A = 4
action coordinates, F = 5 features of an action.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.bandit.acquisition import BanditModel, Moments, Prediction
from doorlab.limits import PositiveFloat, check_limits
from doorlab.nn.actions import action_features
from doorlab.nn.context_sets import InteractionSet


@dataclass(frozen=True)
class ResidualConfig:
    """Hyperparameters of the process, which are not fitted: a door has few interactions.

    Raises ConfigError for values out of range.
    """

    phi: PositiveFloat = 0.5
    """Lengthscale of the direction phi, in units of its sine and cosine."""
    radius: PositiveFloat = 0.2
    """Lengthscale of the normalized radius. The shortest one: the hand slips off the handle if the
    radius of its path is not that of the handle's."""
    swing: PositiveFloat = 0.7
    """Lengthscale of the normalized swing."""
    turn: PositiveFloat = 0.7
    """Lengthscale of the normalized turn of the handle."""
    noise: PositiveFloat = 0.15
    """Standard deviation of the noise, relative to that of the residuals."""

    def __post_init__(self) -> None:
        check_limits(self, "")

    @property
    def lengthscales(self) -> tuple[float, ...]:
        """Lengthscale of each feature of an action (`nn.actions.action_features`)."""
        return self.phi, self.phi, self.radius, self.swing, self.turn


@dataclass(frozen=True)
class ResidualState:
    """State of the model, and the process on its residuals."""

    model: Any
    """The model's own state."""
    context: InteractionSet
    """Interactions with the doors."""
    scaled: Float[Tensor, "B N F"]
    """Features of their actions, divided by the lengthscales."""
    cholesky: Float[Tensor, "B N N"]
    """Cholesky factor of the correlations of the residuals, noise included."""
    weights: Float[Tensor, "B N 1"]
    """Inverse correlations times residuals."""


@dataclass(frozen=True)
class CorrectedPrediction:
    """Predicted rewards of actions, corrected by the residuals.

    The moments are computed when they are read: the search for an action often needs the mean only.
    """

    prediction: Prediction
    """Prediction of the model."""
    across: Float[Tensor, "B T N"]
    """Correlations of the actions with those of the interactions."""
    state: ResidualState
    """The process on the residuals."""

    @property
    def mean(self) -> Float[Tensor, "B T"]:
        """Expected rewards. A correction may move them out of [0, 1]."""
        return self.prediction.mean + (self.across @ self.state.weights)[..., 0]

    @property
    def std(self) -> Float[Tensor, "B T"]:
        """Standard deviations of the model, reduced near the observed actions."""
        explained = torch.linalg.solve_triangular(self.state.cholesky, self.across.mT, upper=False)
        left = (1.0 - explained.square().sum(dim=1)).clamp(min=0.0)
        # The gradient of a square root at 0 is infinite.
        return self.prediction.std * (left + 1e-6).sqrt()


def bounded(prediction: Prediction) -> Moments:
    """Moments that rewards in [0, 1] can have: std is at most sqrt(mean (1 - mean))."""
    mean = prediction.mean.clamp(0.0, 1.0)
    return Moments(mean, prediction.std.minimum((mean * (1.0 - mean)).sqrt()))


class ResidualModel:
    """A reward model with a Gaussian process on its residuals; has the methods of `BanditModel`.

    Args:
        model: any reward model.
        config: hyperparameters of the process.
    """

    def __init__(self, model: BanditModel, config: ResidualConfig | None = None) -> None:
        self._model, self._config = model, config or ResidualConfig()
        self.has_latent = model.has_latent

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """Embeddings of doors by the model."""
        return self._model.embed(x)

    def condition(self, embedding: Float[Tensor, "B E"], context: InteractionSet) -> ResidualState:
        """Encodes embeddings and interactions, and fits the process to the residuals."""
        scaled = self._scaled(context.actions)
        # Masked interactions are independent of all others and have no residual.
        both = context.mask[:, :, None] & context.mask[:, None, :]
        correlations = torch.where(both, _matern(scaled, scaled), 0.0)
        masked = (~context.mask).to(scaled)
        noise = masked + (1.0 - masked) * self._config.noise**2
        cholesky = torch.linalg.cholesky(correlations + torch.diag_embed(noise))
        state = self._model.condition(embedding, context)
        return self._fitted(ResidualState(state, context, scaled, cholesky, scaled[..., :1]))

    def draw(self, state: ResidualState, generator: torch.Generator) -> ResidualState:
        """Samples the latent of the model, and fits the process to the sample's residuals."""
        return self._fitted(replace(state, model=self._model.draw(state.model, generator)))

    def decode(self, state: ResidualState, actions: Float[Tensor, "B T A"]) -> Prediction:
        """Predicts rewards of actions; differentiable in the actions."""
        prediction = self._model.decode(state.model, actions)
        if not state.context.rewards.shape[1]:
            return prediction
        across = _matern(self._scaled(actions), state.scaled) * state.context.mask[:, None]
        return CorrectedPrediction(prediction, across, state)

    def _fitted(self, state: ResidualState) -> ResidualState:
        context = state.context
        if not context.rewards.shape[1]:
            return state
        expected = self._model.decode(state.model, context.actions).mean
        residuals = torch.where(context.mask, context.rewards - expected, 0.0)
        weights = torch.cholesky_solve(residuals[..., None], state.cholesky)
        return replace(state, weights=weights)

    def _scaled(self, actions: Float[Tensor, "B N A"]) -> Float[Tensor, "B N F"]:
        return action_features(actions) / self._lengthscales.to(actions)

    @cached_property
    def _lengthscales(self) -> Float[Tensor, " F"]:
        return torch.tensor(self._config.lengthscales, dtype=torch.float64, device="cpu")


def _matern(a: Float[Tensor, "B T F"], b: Float[Tensor, "B N F"]) -> Float[Tensor, "B T N"]:
    """Matern-5/2 correlations of points in units of their lengthscales."""
    # The faster way through products of matrices is inexact for points close to each other.
    distance = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    z = math.sqrt(5.0) * distance
    return (1.0 + z + z.square() / 3.0) * torch.exp(-z)
