"""Linear Gaussian models: everything about them is known in closed form.

c ~ N(0, 1), z_m | c ~ N(c, T^2), x_m ~ N(z_m + c, S^2), hence x ~ N(0, (S^2 + T^2) I + 4 11').
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

T, S = 0.7, 0.5
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
