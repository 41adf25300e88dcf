"""Other views of the same door: pictures changed in ways that say nothing of how it opens.

Legend: B sets of frames, M frames, C = 3 colours, H W a picture, S pixels of the result.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_GAIN = 1.6  # of mixed colours, about what makes up for the contrast that mixing takes away
_CONTRAST = (0.15, 0.35)  # standard deviation of each colour in a recoloured set
_BRIGHTNESS = 0.15  # standard deviation of its mean


def shifted(x: Float[Tensor, "B M C H W"], size: int, amount: float) -> Float[Tensor, "B M C S S"]:
    """Every set moved sideways and up, stretched in width and height, each by chance.

    Args:
        x: frames in [0, 1]; those of a set move together.
        size: height and width of the result, pixels; H at most.
        amount: of the picture's width, the largest shift sideways; half of it up or down; sizes
            change by the same share. Borders repeat.
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


def recoloured(x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C H W"]:
    """Every set in colours of its own: channels mixed by chance, with any mean and contrast.

    What had one colour in a set still has one: edges stay where they are.
    """
    mixing = torch.randn(len(x), 3, 3, device=x.device)
    mixed = torch.einsum("bdc,bmchw->bmdhw", _GAIN * mixing / mixing.abs().sum(-1, True), x)
    spread, mean = torch.std_mean(mixed, dim=(1, 3, 4), keepdim=True)
    low, high = _CONTRAST
    contrast = low + (high - low) * torch.rand_like(mean)
    brightness = 0.5 + _BRIGHTNESS * torch.randn_like(mean)
    return ((mixed - mean) / (spread + 0.03) * contrast + brightness).clamp(0.0, 1.0)
