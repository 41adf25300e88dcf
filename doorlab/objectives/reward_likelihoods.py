"""Likelihoods of observed rewards under predicted reward distributions.

Rewards lie in [0, 1], many of them at its ends, because doors stay closed or open completely.
Probabilities of rewards are therefore densities with respect to a mixed measure: a reward up to
`END` counts as 0 and one from 1 - `END` as 1, each end has mass 1, and between them the measure is
Lebesgue's. The probabilities of both ends and the integral of the density between them sum to one,
so that the log-likelihoods of all models are comparable.

Legend: S latent samples, B doors, T target interactions, P = 3 parts: 0, 1, between.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

END = 0.01
"""Fraction of the opening up to which a door counts as closed; from 1 - END on, as open."""

_EDGE = 1e-4  # predicted means stay this far from 0 and 1, where the logarithm is infinite
_INSIDE = 1e-4  # arguments of a Beta density stay this far from 0 and 1, too
_SMALLEST_VARIANCE = 1e-12  # of a prediction: a standard deviation of a millionth
_LEAST_VARIANCE = 1e-8  # avoids 0, where the gradient of the square root is infinite


def soft_bernoulli_score(
    mean: Float[Tensor, "*batch T"], std: Float[Tensor, "*batch T"], r: Float[Tensor, "*#batch T"]
) -> Float[Tensor, "*batch T"]:
    """A proper score of rewards in [0, 1], higher is better: one part each for mean and std.

    The mean is scored by the Bernoulli likelihood with soft labels. Its gradient does not vanish
    where almost all rewards are zero, unlike that of a Gaussian with a learned std. The std is
    scored by such a Gaussian with the mean detached, so that it learns the size of the error
    without affecting the mean. The score is not a likelihood; see `censored_gaussian_log_prob`.
    """
    p = mean.clamp(_EDGE, 1.0 - _EDGE)
    bernoulli = r * p.log() + (1.0 - r) * (-p).log1p()
    return bernoulli + 0.1 * gaussian(mean.detach(), std, r)


def gaussian(
    mean: Float[Tensor, "*batch T"], std: Float[Tensor, "*batch T"], r: Float[Tensor, "*#batch T"]
) -> Float[Tensor, "*batch T"]:
    """Log-density of N(mean, std^2) on the real line, with respect to Lebesgue measure only."""
    error = (r - mean) / std
    return -0.5 * error.square() - std.log() - 0.5 * math.log(2 * math.pi)


def censored_gaussian_log_prob(
    mean: Float[Tensor, "*batch T"], std: Float[Tensor, "*batch T"], r: Float[Tensor, "*#batch T"]
) -> Float[Tensor, "*batch T"]:
    """Log-density of N(mean, std^2) with respect to the mixed measure.

    The probabilities of rewards below `END` and above 1 - `END` are assigned to the ends.
    """
    closed = torch.special.log_ndtr((END - mean) / std)
    opened = torch.special.log_ndtr((mean - (1.0 - END)) / std)
    return _select_component(r, closed, opened, gaussian(mean, std, r))


def inflated_beta(
    log_parts: Float[Tensor, "*batch T P"],
    a: Float[Tensor, "*batch T"],
    b: Float[Tensor, "*batch T"],
    r: Float[Tensor, "*#batch T"],
) -> Float[Tensor, "*batch T"]:
    """Log-density of a zero-and-one-inflated Beta with respect to the mixed measure.

    Args:
        log_parts: logarithms of the probabilities of 0, of 1, and of a reward between them.
        a: first parameter of the Beta between the ends, stretched to [0, 1]; >= 1.
        b: second parameter of the Beta; >= 1.
        r: rewards.
    """
    closed, opened, between = log_parts.unbind(dim=-1)
    y = ((r - END) / (1.0 - 2.0 * END)).clamp(_INSIDE, 1.0 - _INSIDE)
    constant = torch.lgamma(a + b) - torch.lgamma(a) - torch.lgamma(b)
    density = constant + (a - 1.0) * y.log() + (b - 1.0) * (-y).log1p()
    return _select_component(r, closed, opened, between + density - math.log(1.0 - 2.0 * END))


def inflated_beta_moments(
    log_parts: Float[Tensor, "*batch T P"],
    a: Float[Tensor, "*batch T"],
    b: Float[Tensor, "*batch T"],
) -> tuple[Float[Tensor, "*batch T"], Float[Tensor, "*batch T"]]:
    """Mean and standard deviation of `inflated_beta`, with the ends at 0 and 1."""
    closed, opened, between = log_parts.exp().unbind(dim=-1)
    width, inner = 1.0 - 2.0 * END, a / (a + b)
    inner_variance = width**2 * inner * (1.0 - inner) / (a + b + 1.0)
    inner = END + width * inner
    mean = opened + between * inner
    # A sum of squares, not a difference of large numbers, so it is never negative.
    parts = closed * mean.square() + opened * (1.0 - mean).square()
    variance = parts + between * (inner_variance + (inner - mean).square())
    return mean, variance.clamp(min=_LEAST_VARIANCE).sqrt()


def possible_variance(
    mean: Float[Tensor, "*batch T"], variance: Float[Tensor, "*batch T"]
) -> Float[Tensor, "*batch T"]:
    """Limits a variance to the maximum for rewards in [0, 1] with this mean: mean (1 - mean).

    Applies to any predictive distribution: a Gaussian on the real line may be wider. The result
    is slightly above 0, where the gradient of the square root is infinite.
    """
    return torch.minimum(variance, mean * (1.0 - mean)).clamp(min=_SMALLEST_VARIANCE)


def sampled_loss(score_SBT: Float[Tensor, "S B T"]) -> Float[Tensor, ""]:
    """Negative log of the mean likelihood over latent samples, per target.

    The maximum-likelihood objective of latent neural processes (Foong et al. 2020, section 4.2):
    -log 1/S sum_s exp(sum_t score), which lets samples specialize on different hypotheses.
    """
    _, _, targets = score_SBT.shape
    return -sample_mean(score_SBT.sum(dim=2)).mean() / targets


def sample_mean(log_density: Float[Tensor, " S *batch"]) -> Float[Tensor, "*batch"]:
    """Log-density of the mixture of S equally likely samples."""
    return torch.logsumexp(log_density, dim=0) - math.log(len(log_density))


def mean_squared_error(mean: Float[Tensor, "B T"], r: Float[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Mean squared error of the predicted rewards."""
    return F.mse_loss(mean, r)


def _select_component(
    r: Float[Tensor, "*#batch T"],
    closed: Float[Tensor, "*batch T"],
    opened: Float[Tensor, "*batch T"],
    between: Float[Tensor, "*batch T"],
) -> Float[Tensor, "*batch T"]:
    return torch.where(r <= END, closed, torch.where(r >= 1.0 - END, opened, between))
