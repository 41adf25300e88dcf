"""How far what differs between the frames of a door gives the door away.

Legend: B doors, M frames, Z instance latent.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

_VARIANCES = (0.25, 1.0, 4.0)  # of the kernels


def set_discrepancy(z: Float[Tensor, "B M Z"]) -> Float[Tensor, " B"]:
    """Squared maximum mean discrepancy of every door's latents and N(0, 1), summed over kernels.

    If it is zero for all doors, the latents of each are spread as those of any other, and nothing
    in them says which door it is. The estimate has no bias (Gretton et al. 2012, equation 3) and
    may be negative; what concerns the normal is in closed form. Kernels are Gaussian.

    Zero for a single frame, which has no spread.
    """
    frames, size = z.shape[1:]
    if frames < 2:
        return z.new_zeros(len(z))
    differences = (z[:, :, None] - z[:, None]).square().sum(dim=-1)  # (B, M, M)
    lengths = z.square().sum(dim=-1)
    total = z.new_zeros(len(z))
    for v in _VARIANCES:
        kernel = (-differences / (2 * v)).exp()
        among = (kernel.sum(dim=(1, 2)) - frames) / (frames * (frames - 1))
        across = (v / (v + 1)) ** (size / 2) * (-lengths / (2 * (v + 1))).exp().mean(dim=1)
        total = total + among - 2 * across + (v / (v + 2)) ** (size / 2)
    return total
