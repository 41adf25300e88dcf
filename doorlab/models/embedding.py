"""Embeddings of doors, by any encoder.

Legend: B doors, M frames, C H W an image, E embedding.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

_DOORS_AT_ONCE = 64


@runtime_checkable
class Encoder(Protocol):
    """A model with an embedding per door."""

    def embed(self, x: Float[Tensor, "B M C H W"], /) -> Float[Tensor, "B E"]:
        """Doors from their frames, in [0, 1]."""
        ...


@torch.no_grad()
def embed_all(
    model: Encoder, images: UInt8[Tensor, "B M C H W"], mirror: bool = False
) -> Float[Tensor, "_ E"]:
    """Embeddings of doors by all their frames; of every portion its mirror images, too, if wanted.

    Returns:
        (B, E), or (2 B, E) with mirror images.
    """
    found = []
    for portion in images.split(_DOORS_AT_ONCE):
        x = portion.float() / 255.0
        found += [model.embed(view) for view in ([x, x.flip(-1)] if mirror else [x])]
    return torch.cat(found)
