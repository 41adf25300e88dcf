"""What every pretrained encoder offers: an embedding per door and one per frame.

Legend: B doors, M frames, C H W an image, E embedding of a door, Z embedding of a frame.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn


class DoorEncoder(nn.Module):
    """Maps frames of doors to embeddings.

    Subclasses are built as `Encoder(image_size, architecture)`. One that gradients train has a
    method `loss(x, ...) -> (loss, scalars to log)`; one in closed form has `fit(portions)`.

    Attributes:
        embedding_dim: E.
        instance_dim: Z.
    """

    embedding_dim: int
    instance_dim: int
    has_context: ClassVar[bool] = False
    """Whether a door's embedding is a context latent, more than the mean of its frames."""

    @abstractmethod
    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """One embedding per door, from frames in [0, 1]."""

    @abstractmethod
    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """One embedding per frame, of what differs between the frames of a door."""


class FrameEmbeddingEncoder(DoorEncoder):
    """A context-free encoder: a door's embedding is the mean of its frames' embeddings."""

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B Z"]:
        """Mean over the frames of a door of their embeddings."""
        return self.embed_frames(x).mean(dim=1)


class Reconstructs:
    """Mixin of encoders that reconstruct frames from their embeddings."""

    @abstractmethod
    def reconstruct(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C H W"]:
        """Frames decoded from their latents, in [0, 1]."""


class SamplesDoors:
    """Mixin of encoders with a prior over their latents."""

    @abstractmethod
    def sample(
        self, doors: int, frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B M C H W"]:
        """Frames of doors from the prior, in [0, 1]."""


class SamplesFrames:
    """Mixin of encoders with a prior over the frames of a given door."""

    @abstractmethod
    def new_frames(
        self, c: Float[Tensor, "B E"], frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B M C H W"]:
        """New frames of doors with these context latents, in [0, 1]."""
