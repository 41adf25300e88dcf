"""How well predicted rewards fit observed ones.

Legend: S latent samples, B doors, T target interactions.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_EDGE = 1e-4  # predicted means stay this far from 0 and 1, where the logarithm is infinite


def reward_score(
    mean: Float[Tensor, "*batch T"], std: Float[Tensor, "*batch T"], r: Float[Tensor, "*#batch T"]
) -> Float[Tensor, "*batch T"]:
    """A proper score of rewards in [0, 1], higher is better: a part for the mean, one for the std.

    The mean is scored by the Bernoulli likelihood with soft labels, whose gradient does not fade
    where rewards are zero nearly everywhere, as it does under a Gaussian with a learned std. The
    std is scored by that Gaussian, about the mean as it is: it learns to be the error's size
    without bending the mean.
    """
    p = mean.clamp(_EDGE, 1.0 - _EDGE)
    bernoulli = r * p.log() + (1.0 - r) * (-p).log1p()
    error = r - mean.detach()
    gaussian = -0.5 * (error / std).square() - std.log() - 0.5 * math.log(2 * math.pi)
    return bernoulli + 0.1 * gaussian


def sampled_loss(score_SBT: Float[Tensor, "S B T"]) -> Float[Tensor, ""]:
    """Negative log of the mean likelihood over latent samples, per target.

    The maximum-likelihood objective of latent neural processes (Foong et al. 2020, section 4.2):
    -log 1/S sum_s exp(sum_t score), which lets samples specialise on what is not known yet.
    """
    samples, _, targets = score_SBT.shape
    per_door = torch.logsumexp(score_SBT.sum(dim=2), dim=0) - math.log(samples)
    return -per_door.mean() / targets


def mean_squared_error(mean: Float[Tensor, "B T"], r: Float[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Mean squared error of the predicted rewards."""
    return F.mse_loss(mean, r)
