"""Autoencoder: a context-free baseline without a prior or noise (Hinton & Salakhutdinov 2006).

It encodes single frames, with the same networks and number of latents as the VAE. A door's
embedding is the mean of the latents of its frames.

Legend: B doors, M frames, C H W an image, Z latent.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.frame_autoencoder import FrameAutoencoder
from doorlab.nn.frame_subsets import random_subset, take


class Autoencoder(FrameAutoencoder):
    """Autoencoder of single frames."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__(image_size, architecture, nn.Linear)

    def loss(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative log-likelihood in nats per pixel and color: the loss of the VAE without KL.

        In training, that of a random part of the frames (`Architecture.frame_decode_fraction`).
        """
        x = take(x, random_subset(x, self.decode_fraction))
        likelihood = self.likelihood(x, self.reconstruct(x)).mean()
        per_pixel = likelihood / x.shape[-3:].numel()
        return -per_pixel, {"log_likelihood": per_pixel}

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """The latents of each frame."""
        return self.to_z(self.encoder(x))
