"""Evidence lower bounds of pictures.

Legend: B sets, M frames per set, C H W a picture, Z instance latent, E context latent.
"""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor
from torch.distributions import Normal, kl_divergence


def image_log_likelihood(
    x: Float[Tensor, "*batch C H W"], mean: Float[Tensor, "*batch C H W"], scale: float
) -> Float[Tensor, "*batch"]:
    """Log N(x; mean, scale^2) summed over pixels and colours, nats."""
    pixels = x.shape[-3:].numel()
    squares = (x - mean).square().sum(dim=(-3, -2, -1)) / scale**2
    return -0.5 * squares - pixels * (math.log(scale) + 0.5 * math.log(2 * math.pi))


def vae_loss(
    log_likelihood: Float[Tensor, "*batch"], z: Normal, prior: Normal, beta: float = 1.0
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Mean negative ELBO per frame and mean KL(q(z|x) || p(z)), nats (Kingma & Welling 2014)."""
    kl = kl_divergence(z, prior).sum(dim=-1)
    return (beta * kl - log_likelihood).mean(), kl.mean()


def statistician_loss(
    log_likelihood: Float[Tensor, "B M"],
    z: Normal,
    z_prior: Normal,
    c: Normal,
    c_prior: Normal,
    beta_z: float = 1.0,
    beta_c: float = 1.0,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""], Float[Tensor, ""]]:
    """Negative ELBO of sets, per frame, with both KL terms (Edwards & Storkey 2017, eq. 2).

    L = E[sum_m log p(x_m | z_m, c) - KL(q(z_m | x_m, c) || p(z_m | c))] - KL(q(c | x) || p(c)),
    divided by M. The betas weigh the KL terms; 1 is the bound itself.

    Returns:
        The loss, the mean KL of z per frame, the mean KL of c per set; all in nats.
    """
    kl_z = kl_divergence(z, z_prior).sum(dim=-1)  # (B, M)
    kl_c = kl_divergence(c, c_prior).sum(dim=-1)  # (B,)
    frames = log_likelihood.shape[1]
    per_set = (log_likelihood - beta_z * kl_z).sum(dim=1) - beta_c * kl_c
    return -per_set.mean() / frames, kl_z.mean(), kl_c.mean()
