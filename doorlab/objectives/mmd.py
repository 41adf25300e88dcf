"""Dependence of per-frame latents on the door, measured by maximum mean discrepancy.

Legend: B doors, M frames, Z instance latent.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

_VARIANCES = (0.25, 1.0, 4.0)  # of the kernels


def mmd_to_standard_normal(z: Float[Tensor, "B M Z"]) -> Float[Tensor, " B"]:
    """Squared maximum mean discrepancy of every door's latents and N(0, 1), summed over kernels.

    Kernels are Gaussian, of several widths, and linear (per dimension). The Gaussian kernels
    compare shapes, but are insensitive to latents that are far apart. The linear kernel gives the
    squared length of a door's mean, which a linear probe would use.

    If it is zero for all doors, the latents of all doors have the same distribution and carry no
    information about the door. The estimate is unbiased (Gretton et al. 2012, equation 3) and may
    be negative; terms that involve the normal distribution are in closed form.

    Zero for a single frame, for which no variance can be estimated.
    """
    frames, size = z.shape[1:]
    if frames < 2:
        return z.new_zeros(len(z))
    differences = (z[:, :, None] - z[:, None]).square().sum(dim=-1)  # (B, M, M)
    lengths = z.square().sum(dim=-1)
    pairs = frames * (frames - 1)
    total = ((z @ z.mT).sum(dim=(1, 2)) - lengths.sum(dim=1)) / pairs / size
    for v in _VARIANCES:
        kernel = (-differences / (2 * v)).exp()
        among = (kernel.sum(dim=(1, 2)) - frames) / pairs
        across = (v / (v + 1)) ** (size / 2) * (-lengths / (2 * (v + 1))).exp().mean(dim=1)
        total = total + among - 2 * across + (v / (v + 2)) ** (size / 2)
    return total
