"""How far what differs between the frames of a door gives the door away.

Legend: B doors, M frames, Z instance latent.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_VARIANCES = (0.25, 1.0, 4.0)  # of the kernels


def dependence(z: Float[Tensor, "B M Z"]) -> Float[Tensor, ""]:
    """How much more alike the latents of one door are than those of different doors.

    The mean of a kernel over pairs of frames of the same door, less that over pairs of different
    doors. Its expectation is the variance of the doors' kernel mean embeddings (Gretton et al.
    2012, section 2): zero if, and only if, the latents of every door are spread as those of any
    other, so that nothing in them says which door it is; positive otherwise. The estimate has no
    bias and may be negative. Kernels are sums of Gaussians.

    Zero for a single door or a single frame, where there is nothing to compare.
    """
    doors, frames, size = z.shape
    if doors < 2 or frames < 2:
        return z.new_zeros(())
    flat = z.reshape(-1, size)
    lengths = flat.square().sum(dim=1)
    squares = (lengths[:, None] + lengths - 2 * flat @ flat.T).clamp(min=0.0)
    kernel = torch.stack([(-squares / (2 * v)).exp() for v in _VARIANCES]).sum(dim=0)
    blocks = kernel.view(doors, frames, doors, frames)
    same = blocks.diagonal(dim1=0, dim2=2).sum()
    alike = (same - kernel.diagonal().sum()) / (doors * frames * (frames - 1))
    across = (kernel.sum() - same) / (doors * (doors - 1) * frames**2)
    return alike - across
