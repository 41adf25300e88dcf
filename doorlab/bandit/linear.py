"""Bayesian linear regression with unknown noise: many regressions in parallel, in closed form.

Conjugate: y = x w + noise of variance s2, w | s2 ~ N(mean, s2 precision^-1), s2 ~ IG(a, b), as in
Riquelme et al. 2018, "Deep Bayesian bandits showdown", section 3. The door policies and the wheel
bandit share this file, so that its calibration on the wheel bandit applies to the door policies.

Legend: *B regressions, F features, N observations, D doors, J observations per door.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.errors import ConfigError

# Pseudo-doors of the prior: a few doors do not show all directions in which doors differ.
PRIOR_STRENGTH = 5.0


@dataclass(frozen=True)
class BayesianLinearPosterior:
    """Distribution of weights and noise variance, prior or posterior; float64."""

    mean: Float[Tensor, "*B F"]
    factor: Float[Tensor, "*B F F"]
    """Cholesky factor of the weights' precision, in units of the noise precision."""
    a: Float[Tensor, "*B"]
    b: Float[Tensor, "*B"]

    @staticmethod
    def ridge(
        shape: tuple[int, ...], strength: float, a: float, b: float
    ) -> BayesianLinearPosterior:
        """A prior with zero mean: `shape` is (*B, F), `strength` the diagonal of the precision."""
        factor = strength**0.5 * torch.eye(shape[-1], dtype=torch.float64)
        scalar = torch.ones(shape[:-1], dtype=torch.float64)
        zero = torch.zeros(shape, dtype=torch.float64)
        factor = factor.expand(*shape, shape[-1]).contiguous()
        return BayesianLinearPosterior(zero, factor, a * scalar, b * scalar)

    def given(
        self, x: Float[Tensor, "*B N F"], y: Float[Tensor, "*B N"]
    ) -> BayesianLinearPosterior:
        """The posterior after observations `x`, `y`."""
        x, y = x.to(self.mean), y.to(self.mean)
        xy = (x.mT @ y[..., None])[..., 0]
        return self.update_from_stats(x.mT @ x, xy, y.square().sum(-1), float(y.shape[-1]))

    def update_from_stats(
        self,
        xx: Float[Tensor, "*B F F"],
        xy: Float[Tensor, "*B F"],
        yy: Float[Tensor, "*B"],
        n: Float[Tensor, "*B"] | float,
    ) -> BayesianLinearPosterior:
        """The posterior after `n` observations, from the sums x'x, x'y and y'y."""
        before = (self.precision @ self.mean[..., None])[..., 0]
        factor = torch.linalg.cholesky(self.precision + xx)
        mean = torch.cholesky_solve((before + xy)[..., None], factor)[..., 0]
        explained = (mean * (before + xy)).sum(-1) - (self.mean * before).sum(-1)
        # Rounding must not make the residual sum of squares negative.
        b = self.b + 0.5 * (yy - explained).clamp_min(0.0)
        return BayesianLinearPosterior(mean, factor, self.a + 0.5 * n, b)

    @property
    def precision(self) -> Float[Tensor, "*B F F"]:
        """Precision of the weights, in units of the noise precision."""
        return self.factor @ self.factor.mT

    @property
    def covariance(self) -> Float[Tensor, "*B F F"]:
        """Covariance of the weights: the mean of s2 times the inverse of the precision."""
        return self.noise[..., None, None] * torch.cholesky_inverse(self.factor)

    @property
    def noise(self) -> Float[Tensor, "*B"]:
        """Mean of s2; defined for a > 1."""
        return self.b / (self.a - 1.0)

    def sample(self, rng: np.random.Generator) -> Float[Tensor, "*B F"]:
        """Samples the noise variance, then the weights, of every regression."""
        s2 = self.b / torch.from_numpy(np.asarray(rng.standard_gamma(self.a.numpy())))
        z = torch.from_numpy(rng.standard_normal(self.mean.shape))[..., None]
        away = torch.linalg.solve_triangular(self.factor.mT, z, upper=True)[..., 0]
        return self.mean + s2.sqrt()[..., None] * away


def fit_empirical_prior(
    x: Float[Tensor, "D J F"],
    y: Float[Tensor, "D J"],
    steps: int = 30,
    a: float = 3.0,
) -> BayesianLinearPosterior:
    """Fits the prior that doors share to the observations of many doors (empirical Bayes).

    Every door has its own weights, distributed as N(mean, covariance), and all doors have the same
    noise. Expectation maximization finds these three (Laird and Ware 1982). With few doors the
    maximum-likelihood covariance is too small, because few doors do not show all directions in
    which doors differ and the fit is too close. An inverse-Wishart prior corrects this: it is worth
    `PRIOR_STRENGTH` pseudo-doors, whose isotropic covariance alone would explain the variance of y.
    Finally the covariance is enlarged by the uncertainty of the mean over the doors.

    Args:
        x: features of the actions executed on every door.
        y: rewards of these actions.
        steps: steps of expectation maximization.
        a: shape of the prior of the noise, above 1: its weight, in half observations.

    Raises:
        ConfigError: for fewer than two doors, which do not show how doors differ.
    """
    doors, interactions, features = x.shape
    if doors < 2 or interactions < 1:
        raise ConfigError(
            "two or more doors, each with interactions", f"{doors}", "use more labeled doors"
        )
    x, y = x.double(), y.double()
    eye = torch.eye(features, dtype=torch.float64)
    scale = float(y.var()) / float(x.square().sum(-1).mean().clamp_min(1e-12))
    scale = max(scale, 1e-9)
    mean, covariance = torch.zeros(features, dtype=torch.float64), scale * eye
    noise = max(0.1 * float(y.var()), 1e-6)
    for _ in range(steps):
        mean, covariance, noise = _improved(x, y, mean, covariance, noise)
        covariance = (doors * covariance + PRIOR_STRENGTH * scale * eye) / (doors + PRIOR_STRENGTH)
    covariance = covariance * (1.0 + 1.0 / doors)
    precision = noise * torch.cholesky_inverse(torch.linalg.cholesky(covariance))
    shape = torch.tensor(a, dtype=torch.float64)
    return BayesianLinearPosterior(
        mean, torch.linalg.cholesky(precision), shape, noise * (shape - 1.0)
    )


def _improved(
    x: Tensor, y: Tensor, mean: Tensor, covariance: Tensor, noise: float
) -> tuple[Tensor, Tensor, float]:
    """One step of expectation maximization; only J x J matrices are inverted."""
    doors, interactions, _ = x.shape
    left = y - x @ mean
    xc = x @ covariance
    eye = torch.eye(interactions, dtype=torch.float64)
    k = xc @ x.mT + noise * eye
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(k))
    away = (xc.mT @ (inverse @ left[..., None]))[..., 0]  # posterior mean of w - mean per door
    flat = xc.flatten(0, 1)
    known = flat.T @ (inverse @ xc).flatten(0, 1) / doors
    # tr(x V x') per door, with V the posterior covariance: J noise - noise^2 tr(K^-1).
    spread = interactions * noise - noise**2 * inverse.diagonal(dim1=-2, dim2=-1).sum(-1)
    wrong = (left - (x @ away[..., None])[..., 0]).square().sum(-1)
    shift = away.mean(dim=0)
    centered = away - shift
    covariance = centered.T @ centered / doors + covariance - known
    covariance = 0.5 * (covariance + covariance.T)
    return mean + shift, covariance, max(float((wrong + spread).mean()) / interactions, 1e-6)


def expand(
    belief: BayesianLinearPosterior, doors: int, mean: Tensor | None = None
) -> BayesianLinearPosterior:
    """Repeats a distribution for `doors` doors, shifting its mean by `mean` (D, F) if given."""
    own = belief.mean.expand(doors, -1) if mean is None else belief.mean + mean.double()
    return BayesianLinearPosterior(
        own,
        belief.factor.expand(doors, -1, -1),
        belief.a.expand(doors),
        belief.b.expand(doors),
    )
