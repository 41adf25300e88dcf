"""Interface of pretrained encoders: one embedding per door and one per frame.

Legend: B doors, M frames, C H W an image, E embedding of a door, Z embedding of a frame.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn


class DoorEncoder(nn.Module):
    """Base class of encoders, which map frames of doors to embeddings.

    Subclasses are built as `Encoder(image_size, architecture)`. An encoder that is trained by
    gradient descent has a method `loss(x, ...) -> (loss, scalars to log)`. An encoder that is
    fitted in closed form has a method `fit(portions)`.

    Attributes:
        embedding_dim: size E of the embedding of a door.
        instance_dim: size Z of the embedding of a frame.
    """

    embedding_dim: int
    instance_dim: int
    has_context: ClassVar[bool] = False
    """Whether the embedding of a door is a context latent, and not a mean over its frames."""

    @abstractmethod
    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """One embedding per door, from frames in [0, 1]."""

    @abstractmethod
    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """One embedding per frame: the state of the door, which differs between its frames."""


class FrameEmbeddingEncoder(DoorEncoder):
    """Base class of context-free encoders: a door's embedding is the mean over its frames."""

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B Z"]:
        """One embedding per door: the mean of the embeddings of its frames."""
        return self.embed_frames(x).mean(dim=1)


class Reconstructs:
    """Mixin for encoders that reconstruct frames from their embeddings."""

    @abstractmethod
    def reconstruct(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C H W"]:
        """Frames decoded from their latents, in [0, 1]."""


class SamplesDoors:
    """Mixin for encoders with a prior over all their latents."""

    @abstractmethod
    def sample(
        self, doors: int, frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B M C H W"]:
        """Samples frames of new doors from the prior, in [0, 1]."""


class SamplesFrames:
    """Mixin for encoders with a prior over the frames of a given door."""

    @abstractmethod
    def new_frames(
        self, c: Float[Tensor, "B E"], frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B M C H W"]:
        """Samples new frames of doors with context latents c, in [0, 1]."""
