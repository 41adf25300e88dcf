"""Embeddings of doors, with any encoder.

Legend: B doors, M frames, C H W an image, E embedding.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.data.tensors.images import Images
from doorlab.nn.images import to_float

DOORS_AT_ONCE = 64  # doors of a batch of `embed_all`


@runtime_checkable
class Encoder(Protocol):
    """A model that computes one embedding per door."""

    def embed(self, x: Float[Tensor, "B M C H W"], /) -> Float[Tensor, "B E"]:
        """Embeddings of doors, from frames in [0, 1]."""
        ...


@torch.no_grad()
def embed_all(model: Encoder, images: Images, mirror: bool = False) -> Float[Tensor, "_ E"]:
    """Embeds doors in batches, from all their frames, without gradients.

    Args:
        model: the encoder.
        images: uint8 (B, M, C, H, W), frames of the doors, in memory or on disk.
        mirror: also embed the mirror images of the frames.

    Returns:
        Embeddings (B, E). With `mirror`, (2 B, E): those of the doors, then those of their mirror
        images.
    """
    views: list[list[Tensor]] = [[], []] if mirror else [[]]
    for first in range(0, len(images), DOORS_AT_ONCE):
        x = to_float(images[first : first + DOORS_AT_ONCE])
        both = (x, x.flip(-1)) if mirror else (x,)
        for embeddings, frames in zip(views, both, strict=True):
            embeddings.append(model.embed(frames))
    return torch.cat([embedding for embeddings in views for embedding in embeddings])
