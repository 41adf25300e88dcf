"""Image augmentations that do not change how a door opens.

Legend: B sets of frames, M frames, C = 3 colors, H W an image, S pixels of the result.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_BRIGHT = 6.0


def random_affine(
    x: Float[Tensor, "B M C H W"], size: int, amount: float
) -> Float[Tensor, "B M C S S"]:
    """Randomly shifts every set horizontally and vertically, and scales its width and height.

    Args:
        x: frames in [0, 1]; all frames of a set get the same transform.
        size: height and width of the result, pixels; at most H.
        amount: largest horizontal shift, as a fraction of the image width; half of it vertically;
            sizes change by up to the same fraction. Borders are repeated.
    """
    sets, frames = x.shape[:2]
    x = F.adaptive_avg_pool2d(x.flatten(0, 1), size)
    chance = amount * (2.0 * torch.rand(sets, 4, device=x.device) - 1.0)
    change = x.new_zeros(sets, 2, 3)
    change[:, 0, 0], change[:, 1, 1] = 1.0 + chance[:, 0], 1.0 + chance[:, 1]
    change[:, 0, 2], change[:, 1, 2] = 2.0 * chance[:, 2], chance[:, 3]
    grid = F.affine_grid(change.repeat_interleave(frames, 0), list(x.shape), align_corners=False)
    moved = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    return moved.unflatten(0, (sets, frames))


def edge_images(x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C H W"]:
    """Edge images: the largest gradient over colors at every pixel, in all three channels.

    Brightness is normalized per set: `_BRIGHT` times the mean gradient becomes white.
    """
    right = F.pad(x[..., 1:] - x[..., :-1], (0, 1))
    down = F.pad(x[..., 1:, :] - x[..., :-1, :], (0, 0, 0, 1))
    # The minimum keeps the gradient of the square root finite where an image is constant.
    steep = (right.square() + down.square()).amax(dim=2, keepdim=True).clamp(min=1e-8).sqrt()
    white = _BRIGHT * steep.mean(dim=(1, 2, 3, 4), keepdim=True) + 0.02
    return (steep / white).clamp(max=1.0).expand_as(x)
