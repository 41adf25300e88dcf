"""Autoencoder: a context-free baseline without a prior or noise (Hinton & Salakhutdinov 2006).

It sees single frames, with the networks of the VAE and as many latents. A door's embedding is the
mean of its frames' latents.

Legend: B doors, M frames, C H W a picture, Z latent.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.frame_autoencoder import FrameAutoencoder


class Autoencoder(FrameAutoencoder):
    """Pictures through a bottleneck."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__(image_size, architecture, nn.Linear)

    def loss(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative log-likelihood in nats per pixel and colour: the VAE's, without its KL."""
        rebuilt = self.reconstruct(x)
        likelihood = self.likelihood(x, rebuilt).mean()
        per_pixel = likelihood / x.shape[-3:].numel()
        return -per_pixel, {"log_likelihood": per_pixel}

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """The latents of every frame."""
        return self.to_z(self.encoder(x))
