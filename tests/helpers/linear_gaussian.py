"""Linear Gaussian models: everything about them is known in closed form.

c ~ N(0, 1), z_m | c ~ N(c, T^2), x_m ~ N(z_m + c, S^2), hence x ~ N(0, (S^2 + T^2) I + 4 11').

`TwoLayers` has another z below: z2_m | c ~ N(c, T^2), z1_m | z2_m, c ~ N(z2_m + c, U^2),
x_m ~ N(z1_m + z2_m + c, S^2), hence x ~ N(0, (S^2 + U^2 + 4 T^2) I + 16 11').
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

T, S, U = 0.7, 0.5, 0.6
V = T**2 + S**2  # of x_m given c
GAIN = T**2 / V  # of z_m given c: what x_m adds to its prior mean
Z_STD = T * (1 - GAIN) ** 0.5


def log_evidence(x: Tensor) -> Tensor:
    """Log p(x_1..M) of sets (B, M)."""
    frames = x.shape[1]
    covariance = V * torch.eye(frames) + 4 * torch.ones(frames, frames)
    return MultivariateNormal(torch.zeros(frames), covariance).log_prob(x)


def draw_sets(count: int, frames: int) -> Tensor:
    """(B, M) from the model itself."""
    c = torch.randn(count, 1)
    return 2 * c + V**0.5 * torch.randn(count, frames)


def posterior_c(x: Tensor) -> Normal:
    """The exact q(c | x_1..M) of sets (B, M): (B, 1)."""
    precision = 1 + 4 * x.shape[1] / V
    mean = 2 * x.sum(dim=1, keepdim=True) / V / precision
    return Normal(mean, torch.full_like(mean, precision**-0.5))


def posterior_z(x: Tensor, c: Tensor) -> Normal:
    """The exact q(z_m | x_m, c): x (..., M), c (..., 1), result (..., M)."""
    mean = c + GAIN * (x - 2 * c)
    return Normal(mean, torch.full_like(mean, Z_STD))


class TwoLayers:
    """Exact distributions of the second model; sets x are (B, M), c (B, 1), z1 and z2 (B, M)."""

    variance = S**2 + U**2 + 4 * T**2  # of x_m given c

    @classmethod
    def log_evidence(cls, x: Tensor) -> Tensor:
        """Log p(x_1..M)."""
        frames = x.shape[1]
        covariance = cls.variance * torch.eye(frames) + 16 * torch.ones(frames, frames)
        return MultivariateNormal(torch.zeros(frames), covariance).log_prob(x)

    @classmethod
    def draw_sets(cls, count: int, frames: int) -> Tensor:
        """(B, M) from the model itself."""
        return 4 * torch.randn(count, 1) + cls.variance**0.5 * torch.randn(count, frames)

    @classmethod
    def posterior_c(cls, x: Tensor) -> Normal:
        """p(c | x_1..M): (B, 1)."""
        return _product(
            (torch.zeros(len(x), 1), 1.0),
            (x.mean(dim=1, keepdim=True) / 4, cls.variance / 16 / x.shape[1]),
        )

    @staticmethod
    def posterior_z2(x: Tensor, c: Tensor) -> Normal:
        """p(z2_m | x_m, c): x_m ~ N(2 z2_m + 2 c, S^2 + U^2)."""
        return _product((c.expand_as(x), T**2), (x / 2 - c, (S**2 + U**2) / 4))

    @staticmethod
    def posterior_z1(x: Tensor, c: Tensor, z2: Tensor) -> Normal:
        """p(z1_m | z2_m, x_m, c)."""
        return _product((z2 + c, U**2), (x - z2 - c, S**2))


def _product(first: tuple[Tensor, float], second: tuple[Tensor, float]) -> Normal:
    """The normalized product of two normal densities, each given by its mean and variance."""
    (a, v), (b, w) = first, second
    mean = (a * w + b * v) / (v + w)
    return Normal(mean, torch.full_like(mean, (v * w / (v + w)) ** 0.5))
