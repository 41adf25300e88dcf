"""Evidence lower bounds of images.

Legend: *batch any leading axes, B sets, M frames per set, K of them decoded, C H W an image, E Z
latents.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Normal, kl_divergence

LEVEL = 1.0 / 255.0
"""Distance between two levels of a stored image, in units of [0, 1]."""


def image_log_likelihood(
    x: Float[Tensor, "*batch C H W"],
    mean: Float[Tensor, "*batch C H W"],
    std: float | Float[Tensor, ""],
) -> Float[Tensor, "*batch"]:
    """Log N(x; mean, std^2) summed over pixels and colors, nats."""
    pixels = x.shape[-3:].numel()
    squares = (x - mean).square().sum(dim=(-3, -2, -1)) / std**2
    log_std = std.log() if isinstance(std, Tensor) else math.log(std)
    return -0.5 * squares - pixels * (log_std + 0.5 * math.log(2 * math.pi))


def optimal_std(
    x: Float[Tensor, "*batch C H W"], mean: Float[Tensor, "*batch C H W"]
) -> Float[Tensor, ""]:
    """The std that maximizes the mean of `image_log_likelihood`: the root mean squared error.

    It is at least `LEVEL`, below which a density of images with 256 levels is meaningless. It has
    no gradient and needs none: at the maximum the derivative of the likelihood by the std is zero,
    so the gradient is that of -D / 2 log MSE.
    """
    return (x - mean).detach().float().square().mean().sqrt().clamp(min=LEVEL)


def vae_loss(
    log_likelihood: Float[Tensor, "*decoded"], z: Normal, prior: Normal, beta: float = 1.0
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Mean negative ELBO per frame and mean KL(q(z|x) || p(z)), nats (Kingma & Welling 2014).

    The likelihood may be that of a random subset of the frames of `z`. The loss is then an unbiased
    estimate.
    """
    kl = kl_divergence(z, prior).sum(dim=-1)
    return beta * kl.mean() - log_likelihood.mean(), kl.mean()


def free_bits(kl: Float[Tensor, "*batch Z"], free_nats: float) -> Float[Tensor, "*batch Z"]:
    """KL terms with free bits (Kingma et al. 2016, appendix C.8).

    A dimension whose mean over the batch is at most `free_nats` costs exactly `free_nats` and has
    no gradient: the mean of the result is max(free_nats, mean KL), per dimension. With
    `free_nats` = 0 the terms are unchanged.
    """
    if free_nats <= 0.0:
        return kl
    mean = kl.flatten(0, -2).mean(dim=0)
    return torch.where(mean > free_nats, kl, torch.full_like(kl, free_nats))


def statistician_loss(
    log_likelihood: Float[Tensor, "B K"],
    z: Normal,
    z_prior: Normal,
    c: Normal,
    c_prior: Normal,
    beta_z: float = 1.0,
    beta_c: float = 1.0,
    free_nats: float = 0.0,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""], Float[Tensor, ""]]:
    """Negative ELBO of sets, per frame, with both KL terms (Edwards & Storkey 2017, eq. 2).

    L = E[sum_m log p(x_m | z_m, c) - KL(q(z_m | x_m, c) || p(z_m | c))] - KL(q(c | x) || p(c)),
    divided by M. The betas weight the KL terms, which `free_bits` bounds from below by
    `free_nats`; betas of 1 and `free_nats` of 0 give the bound itself.

    With the likelihoods of a random subset of K frames, the sum over them is scaled by M / K. The
    loss is then an unbiased estimate.

    Returns:
        The loss, the mean KL of z per frame, the mean KL of c per set, all in nats. The KLs are
        the true ones, without free bits.
    """
    kl_z, kl_c = kl_divergence(z, z_prior), kl_divergence(c, c_prior)  # (B, M, Z), (B, E)
    cost_z, cost_c = (free_bits(kl, free_nats).sum(dim=-1) for kl in (kl_z, kl_c))
    per_frame = beta_z * cost_z.mean() + beta_c * cost_c.mean() / cost_z.shape[1]
    return per_frame - log_likelihood.mean(), kl_z.sum(dim=-1).mean(), kl_c.sum(dim=-1).mean()
