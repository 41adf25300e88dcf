"""Random convolutional features: what the encoder's form alone brings, before anything is learned.

The frame encoder of all models with the weights that it starts from. Its features are more than
the other models' latents (128 against 36 by default), which favours this baseline. A door's
embedding is the mean of its frames' features.

Legend: B doors, M frames, C H W a picture, F features.
"""

from __future__ import annotations

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.base import FrameEmbeddingEncoder
from doorlab.nn.images import FrameEncoder


class RandomFeatures(FrameEmbeddingEncoder):
    """The frame encoder, never trained: the seed decides its features."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        self.embedding_dim = self.instance_dim = a.features
        self.encoder = FrameEncoder(
            image_size, a.encoder_channels, a.features, a.encoder_resolution
        )
        self.encoder.requires_grad_(False)

    def fit(self, portions: Iterable[Float[Tensor, "_ M C H W"]]) -> None:
        """Learns nothing from the frames: that is its point."""

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M F"]:
        """The features of every frame."""
        return self.encoder(x).relu()
