"""Lower bounds on log-likelihoods by importance sampling, and measures of collapsed latents.

Single frames (Burda et al. 2016, "Importance Weighted Autoencoders", eq. 8):

    log p(x) >= E log 1/K sum_k w_k,   w_k = p(x, z_k) / q(z_k | x),   z_k ~ q(z | x)

Sets of frames x_1..M that share a context c. Given c the frames are independent, so
p(x_1..M) = E_p(c) prod_m p(x_m | c). With c_k ~ q(c | x_1..M) and z_kml ~ q(z_m | x_m, c_k)

    r_km = 1/L sum_l p(x_m, z_kml | c_k) / q(z_kml | x_m, c_k)     is unbiased for p(x_m | c_k),
    w_k  = p(c_k) / q(c_k | x) prod_m r_km                         is unbiased for p(x_1..M),

the second because the z of different frames are sampled independently of each other given c_k.
Jensen's inequality then makes E log 1/K sum_k w_k a lower bound. It rises with K, and with L as
well: by Burda et al.'s argument, applied to each r_km in turn, since the logarithm of a sum
is concave in each of them. K = L = 1 is the ELBO.

Legend: K samples of the outer latent, L of the inner one for each, B sets, M frames, Z dimensions.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.distributions import Normal

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016, section 4.2.3


def log_ratio(
    z: Float[Tensor, "*batch Z"], prior: Normal, posterior: Normal
) -> Float[Tensor, "*batch"]:
    """Log p(z) - log q(z), summed over the dimensions of z, nats."""
    return (prior.log_prob(z) - posterior.log_prob(z)).sum(dim=-1)


def importance_bound(log_weights: Float[Tensor, "K ..."]) -> Float[Tensor, "*rest"]:
    """Log of the mean importance weight: in expectation a lower bound on log p(x)."""
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))


def set_log_weights(
    log_ratio_c: Float[Tensor, "K B"], log_ratios: Float[Tensor, "L K B M"]
) -> Float[Tensor, "K B"]:
    """Log weights of whole sets; inner samples are averaged separately for each frame.

    Args:
        log_ratio_c: log p(c_k) - log q(c_k | x_1..M).
        log_ratios: log p(x_m, z_kml | c_k) - log q(z_kml | x_m, c_k).
    """
    return log_ratio_c + importance_bound(log_ratios).sum(dim=-1)


def set_elbo(
    log_ratio_c: Float[Tensor, "K B"], log_ratios: Float[Tensor, "L K B M"]
) -> Float[Tensor, " B"]:
    """The ELBO of whole sets, from the same samples: mean of log weights instead of log of mean."""
    return (log_ratio_c + log_ratios.mean(dim=0).sum(dim=-1)).mean(dim=0)


def bits_per_dimension(
    nats: Float[Tensor, "*batch"], dimensions: int, levels: int = 256
) -> Float[Tensor, "*batch"]:
    """Code length of images in [0, 1] at integer levels, from a log density.

    The density at a level, times the distance 1 / (levels - 1) between levels, approximates the
    level's probability. The approximation is good as long as the scale of the likelihood is much
    larger than this distance; below it, the result is meaningless.

    Args:
        nats: log densities of whole images (or sets).
        dimensions: numbers in each: pixels times colors (times frames).
        levels: number of levels of the stored integers.
    """
    return -nats / (dimensions * math.log(2)) + math.log2(levels - 1)


def activity(posterior: Normal, prior: Normal) -> Float[Tensor, " Z"]:
    """Variance over the data of the posterior's mean, in each latent dimension.

    It is computed relative to the prior's mean and in units of the prior's standard deviation. For
    a standard normal prior it equals Cov_x(E_q[z]) of Burda et al. (2016). For a prior that depends
    on other latents, a posterior equal to its prior has no activity, as desired.
    """
    shift = (posterior.mean - prior.mean) / prior.stddev
    return shift.flatten(0, -2).var(dim=0, correction=0)


def active_units(posterior: Normal, prior: Normal) -> Bool[Tensor, " Z"]:
    """Whether each latent dimension is active: activity above 0.01 (Burda et al. 2016)."""
    return activity(posterior, prior) > ACTIVE_VARIANCE
