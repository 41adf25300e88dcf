"""Autoencoder: a context-free baseline without a prior or noise (Hinton & Salakhutdinov 2006).

It sees single frames, with the networks of the VAE and as many latents. A door's embedding is the
mean of its frames' latents.

Legend: B doors, M frames, C H W a picture, Z latent.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.nn.images import FrameDecoder, FrameEncoder
from doorlab.nn.initialisation import keep_variance
from doorlab.nn.mlp import mlp
from doorlab.objectives.elbo import image_log_likelihood


class Autoencoder(nn.Module):
    """Pictures through a bottleneck."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        latent = a.context_dim + a.instance_dim
        self.embedding_dim = self.instance_dim = latent
        self.encoder = FrameEncoder(image_size, a.encoder_channels, a.features, a.working_size)
        self.to_z = nn.Sequential(nn.ReLU(), nn.Linear(a.features, latent))
        self.from_z = keep_variance(nn.Sequential(mlp(latent, a.features, a.features), nn.ReLU()))
        self.decoder = FrameDecoder(image_size, a.decoder_channels, a.features)

    def decode(self, z: Float[Tensor, "*batch Z"]) -> Float[Tensor, "*batch C H W"]:
        """The picture of z."""
        return self.decoder(self.from_z(z))

    def loss(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative log-likelihood in nats per pixel and colour: the VAE's, without its KL."""
        rebuilt = self.reconstruct(x)
        likelihood = image_log_likelihood(x, rebuilt, self.architecture.pixel_scale).mean()
        per_pixel = likelihood / x.shape[-3:].numel()
        return -per_pixel, {"log_likelihood": per_pixel}

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B Z"]:
        """Mean over the frames of their latents."""
        return self.embed_frames(x).mean(dim=1)

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """The latents of every frame."""
        return self.to_z(self.encoder(x))

    def reconstruct(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C H W"]:
        """Pictures from the latents."""
        return self.decode(self.embed_frames(x))
