"""Random convolutional features: a baseline that isolates the architecture of the encoder.

The model is the frame encoder of all models with its initial weights. It has more features than the
other models have latents (128 against 36 by default), which favors this baseline. A door's
embedding is the mean of the features of its frames.

Legend: B doors, M frames, C H W an image, F features.
"""

from __future__ import annotations

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.base import FrameEmbeddingEncoder
from doorlab.nn.images import FrameEncoder


class RandomFeatures(FrameEmbeddingEncoder):
    """The untrained frame encoder; the seed determines its features."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        self.embedding_dim = self.instance_dim = a.features
        self.encoder = FrameEncoder(
            image_size, a.encoder_channels, a.features, a.encoder_resolution
        )
        self.encoder.requires_grad_(False)

    def fit(self, portions: Iterable[Float[Tensor, "_ M C H W"]]) -> None:
        """Does nothing: this baseline is not trained."""

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M F"]:
        """The features of each frame."""
        return self.encoder(x).relu()
