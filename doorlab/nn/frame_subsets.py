"""Random subsets of the frames of a door.

Legend: B doors, M frames, K of them, C H W an image, Z latent.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def random_subset(x: Float[Tensor, "B M *rest"], fraction: float) -> Int64[Tensor, "B K"]:
    """Positions of random frames, different ones for each door; every frame is equally likely.

    A mean over these frames estimates the mean over all frames without bias.

    Args:
        x: frames.
        fraction: K / M, with K rounded up, and at least 1. A fraction of 1 gives all frames in
            their order, and uses no random numbers.
    """
    doors, frames = x.shape[:2]
    count = min(frames, max(1, math.ceil(fraction * frames)))
    if count == frames:
        return torch.arange(frames, device=x.device).expand(doors, -1)
    return torch.rand(doors, frames, device=x.device).argsort(dim=1)[:, :count]


def take(
    values: Float[Tensor, "B M *rest"], at: Int64[Tensor, "B K"]
) -> Float[Tensor, "B K *rest"]:
    """The values of the frames at these positions of each door."""
    if at.shape[1] == values.shape[1]:
        return values
    first = torch.arange(len(values), device=values.device)[:, None] * values.shape[1]
    # One gather of whole frames is several times faster than indexing two axes.
    chosen = values.flatten(0, 1).index_select(0, (first + at).flatten())
    return chosen.unflatten(0, at.shape)
