"""Variational autoencoder: the context-free baseline (Kingma & Welling 2014).

It encodes single frames. A door's embedding is the mean of the latents of its frames.

Legend: B doors, M frames, C H W an image, Z latent.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Normal

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.base import FitsLatentDensity
from doorlab.models.encoders.frame_autoencoder import FrameAutoencoder
from doorlab.nn.frame_subsets import random_subset, take
from doorlab.nn.gaussian import GaussianHead, sample, standard_normal
from doorlab.objectives.elbo import vae_loss


class VAE(FrameAutoencoder, FitsLatentDensity):
    """VAE p(x | z) p(z) of single frames, with as many latents as c and z of a statistician."""

    density_latent = "z"

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__(image_size, architecture, GaussianHead)

    def encode(self, x: Float[Tensor, "*batch C H W"]) -> Normal:
        """q(z | x)."""
        return self.to_z(self.encoder(x))

    def loss(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative ELBO in nats per pixel and color, and its terms for logging.

        In training, the likelihood of a random part of the frames estimates that of all frames
        (`Architecture.frame_decode_fraction`).
        """
        q = self.encode(x)
        at = random_subset(x, self.decode_fraction)
        likelihood = self.likelihood(take(x, at), self.decode(take(sample(q), at)))
        loss, kl = vae_loss(likelihood, q, standard_normal(q.mean))
        pixels = x.shape[-3:].numel()
        return loss / pixels, {"log_likelihood": likelihood.mean() / pixels, "kl_z": kl}

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """Mean of q(z | x) for each frame."""
        return self.encode(x).mean

    def density_latents(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "_ Z"]:
        """Mean of q(z | x) for each frame of all doors."""
        return self.embed_frames(x).flatten(0, 1)

    def sample(
        self,
        doors: int,
        frames: int,
        generator: torch.Generator | None = None,
        fitted: bool = True,
    ) -> Float[Tensor, "B M C H W"]:
        """Sampled frames. The frames of a door are independent: the model has no context."""
        like = next(self.parameters()).new_zeros(doors, frames, self.embedding_dim)
        return self.decode(self.sample_latent(like, generator, fitted))
