"""Diagonal Gaussians as the output of a network.

Legend: *batch any leading axes, F features, Z latent dimensions.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal

MIN_STD = 1e-3


class GaussianHead(nn.Module):
    """A linear layer whose outputs are the mean and standard deviation of a diagonal Gaussian."""

    def __init__(self, features: int, latent: int, initial_std: float = 0.7) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 2 * latent)
        self.offset = math.log(math.expm1(initial_std))

    def forward(self, h: Float[Tensor, "*batch F"]) -> Normal:
        """A Normal of shape (*batch, Z). Its std starts near `initial_std`; at least `MIN_STD`."""
        mean, spread = self.linear(h).chunk(2, dim=-1)
        return Normal(mean, MIN_STD + F.softplus(spread + self.offset), validate_args=False)


def sample(normal: Normal, generator: torch.Generator | None = None) -> Float[Tensor, "*batch Z"]:
    """One reparameterized sample; equal states of `generator` give equal samples."""
    mean, std = normal.mean, normal.stddev
    noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return mean + std * noise


def mean_of(normal: Normal) -> Float[Tensor, "*batch Z"]:
    """The mean; a deterministic replacement for `sample`."""
    return normal.mean


def standard_normal(like: Float[Tensor, "*batch Z"]) -> Normal:
    """N(0, 1) in the shape of `like`."""
    return Normal(torch.zeros_like(like), torch.ones_like(like), validate_args=False)
