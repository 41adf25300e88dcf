"""LinUCB: rewards are linear in features of an action, with weights predicted from the embedding.

Li et al. 2010, "A contextual-bandit approach to personalized news article recommendation", hybrid
model, whose shared part is fitted beforehand. The weights of a door are a linear function of its
embedding, fitted by ridge regression to labeled doors, plus a part of its own. The distribution of
this part is fitted to the labeled doors, too (`doorlab.bandit.linear.fit_empirical_prior`): to
residuals of cross-validation, because residuals of the doors used for the fit are too small.
Interactions with a door update its weights in closed form. The policy executes the action with the
largest mean + alpha * standard deviation of the expected reward.

Features are random Fourier features (Rahimi and Recht 2007) of [sin phi, cos phi, radius, swing,
turn]: a linear function of them is a smooth function of the action.

Legend: D doors, M frames, E embedding, J interactions, F features, A = 4 action coordinates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from doorlab.bandit.acquisition import BanditModel, Score, SearchConfig, optimize_acquisition
from doorlab.bandit.linear import BayesianLinearPosterior, expand, fit_empirical_prior
from doorlab.bandit.policies.embedding import (
    EmbeddingPolicy,
    LabeledDataset,
    check_min_doors,
    embed,
    standardization,
)
from doorlab.bandit.policy import History
from doorlab.limits import FiniteFloat, PositiveFloat, PositiveInt, Seed, at_least, check_limits
from doorlab.nn.actions import action_features
from doorlab.runtime.torch_state import thread_defaults
from doorlab.seeding import stream


@dataclass(frozen=True)
class LinUCBConfig:
    """Features, regression and search. Raises ConfigError for settings out of range."""

    alpha: FiniteFloat = 1.0
    """Weight of uncertainty: the policy maximizes mean + alpha * standard deviation."""
    features: PositiveInt = 128
    """Number of random Fourier features of an action."""
    lengthscale: PositiveFloat = 0.8
    """Distance over which rewards are correlated, in units of the input features."""
    ridge: PositiveFloat = 10.0
    """Strength of the ridge regression on embeddings, in units of one observation."""
    folds: Annotated[int, at_least(2)] = 5
    """Folds of the cross-validation over labeled doors; at most the number of doors is used."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """Budget of the search for the best action."""
    seed: Seed = 0
    """Seed of the random features."""

    def __post_init__(self) -> None:
        check_limits(self, "")


class LinUCBPolicy(EmbeddingPolicy):
    """Embeds doors with a trained model, and learns from interactions by linear regression."""

    @thread_defaults()
    def __init__(
        self,
        model: BanditModel,
        labeled: LabeledDataset,
        config: LinUCBConfig | None = None,
        device: str = "cpu",
    ) -> None:
        self._config, self._look = config or LinUCBConfig(), partial(embed, model, device=device)
        width, rng = self._config.features, stream(self._config.seed, "linucb")
        frequency = rng.standard_normal((5, width)) / self._config.lengthscale
        self._frequency = torch.from_numpy(frequency).float()
        self._phase = torch.from_numpy(rng.uniform(0, 2 * math.pi, width)).float()
        check_min_doors(labeled, 2)  # at least one of them is held out
        embedding = self._look(labeled.frames).cpu()
        self._center, self._scale = standardization(embedding)
        x = self._features(torch.from_numpy(labeled.actions)).double()
        y = torch.from_numpy(labeled.rewards).double()
        self._weights, left = _regressed(self._seen(embedding), x, y, self._config)
        self._shared = fit_empirical_prior(x, left)

    @thread_defaults()
    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The action with the largest upper confidence bound."""
        seed = int(self._rng.integers(2**31))
        score = self._bound(self.belief(history))
        executed = torch.from_numpy(history.actions)
        return optimize_acquisition(score, executed, seed, self._config.search).numpy()

    @thread_defaults()
    def belief(self, history: History) -> BayesianLinearPosterior:
        """Posterior of the weights of every door after `history`."""
        weights = self._seen(self._embedding) @ self._weights
        prior = expand(self._shared, len(weights), weights)
        x = self._features(torch.from_numpy(history.actions))
        return prior.given(x, torch.from_numpy(history.rewards))

    def _bound(self, belief: BayesianLinearPosterior) -> Score:
        mean, covariance = belief.mean.float()[..., None], belief.covariance.float()

        def bound(at: Tensor) -> Tensor:
            x = self._features(at)
            variance = ((x @ covariance) * x).sum(-1).clamp_min(1e-12)
            return (x @ mean)[..., 0] + self._config.alpha * variance.sqrt()

        return bound

    def _features(self, actions: Float[Tensor, "*batch A"]) -> Float[Tensor, "*batch F"]:
        phase = action_features(actions) @ self._frequency + self._phase
        return phase.cos() * (2.0 / self._config.features) ** 0.5

    def _seen(self, embedding: Float[Tensor, "D E"]) -> Float[Tensor, "D E+1"]:
        """Standardized embeddings with a constant appended."""
        e = ((embedding - self._center) / self._scale).double()
        return torch.cat([e, torch.ones_like(e[:, :1])], dim=1)


def _regressed(
    embeddings: Float[Tensor, "D E"],
    x: Float[Tensor, "D J F"],
    y: Float[Tensor, "D J"],
    config: LinUCBConfig,
) -> tuple[Float[Tensor, "E F"], Float[Tensor, "D J"]]:
    """W of y = x (embeddings W)', and every door's residual under a W fitted without its fold."""
    xx, xy = _products(embeddings, x, y)
    left = torch.empty_like(y)
    part = torch.arange(len(y)) % config.folds
    for fold in part.unique():
        out = part == fold
        own_xx, own_xy = _products(embeddings[out], x[out], y[out])
        without = _ridge(xx - own_xx, xy - own_xy, config.ridge)
        left[out] = y[out] - torch.einsum("djf,df->dj", x[out], embeddings[out] @ without)
    return _ridge(xx, xy, config.ridge), left


def _products(
    embeddings: Float[Tensor, "D E"], x: Float[Tensor, "D J F"], y: Float[Tensor, "D J"]
) -> tuple[Float[Tensor, "E F E F"], Float[Tensor, "E F"]]:
    """Sums over doors and interactions of feature products, the statistics of the regression."""
    # Sums over interactions within each door first, then over doors, in products of two factors: a
    # single einsum would store the products of every door.
    pairs = torch.einsum("de,dh->deh", embeddings, embeddings)
    xx = torch.einsum("deh,dfg->efhg", pairs, x.mT @ x)
    return xx, torch.einsum("de,df->ef", embeddings, torch.einsum("djf,dj->df", x, y))


def _ridge(
    xx: Float[Tensor, "E F E F"], xy: Float[Tensor, "E F"], ridge: float
) -> Float[Tensor, "E F"]:
    """Solves the ridge regression for W."""
    size = xy.numel()
    system = xx.reshape(size, size).clone()
    system.diagonal().add_(ridge)
    factor = torch.linalg.cholesky(system)
    return torch.cholesky_solve(xy.reshape(size, 1), factor).reshape(xy.shape)
