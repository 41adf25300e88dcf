"""How far what differs between the frames of a door gives the door away.

Legend: B doors, M frames, Z instance latent.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

_VARIANCES = (0.25, 1.0, 4.0)  # of the kernels


def mmd_to_standard_normal(z: Float[Tensor, "B M Z"]) -> Float[Tensor, " B"]:
    """Squared maximum mean discrepancy of every door's latents and N(0, 1), summed over kernels.

    Kernels are Gaussian, of several widths, and linear (per dimension): the former compare shapes,
    but hardly feel latents that are far apart; the latter is the squared length of a door's mean,
    which is what a linear probe would read.

    If it is zero for all doors, the latents of each are spread as those of any other, and nothing
    in them says which door it is. The estimate has no bias (Gretton et al. 2012, equation 3) and
    may be negative; what concerns the normal is in closed form.

    Zero for a single frame, which has no spread.
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
