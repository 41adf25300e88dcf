"""Principal components of single frames: the linear context-free baseline (Pearson 1901).

The components are fitted in closed form to all training frames, at the resolution of the encoders.
A door's embedding is the mean of the projections of its frames.

Legend: B doors, M frames, C H W an image, P pixels and colors at the encoder resolution,
Z components.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.base import FrameEmbeddingEncoder, Reconstructs
from doorlab.nn.images import shrunk_size


class PrincipalComponents(FrameEmbeddingEncoder, Reconstructs):
    """PCA with as many components as the VAE has latents; the components are buffers."""

    mean: Float[Tensor, " P"]
    components: Float[Tensor, "Z P"]

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__()
        self.size = shrunk_size(image_size, architecture.encoder_resolution)
        latent = architecture.context_dim + architecture.total_instance_dim
        self.embedding_dim = self.instance_dim = latent
        self.pool = nn.AvgPool2d(image_size // self.size)
        self.register_buffer("mean", torch.zeros(3 * self.size**2))
        self.register_buffer("components", torch.zeros(latent, 3 * self.size**2))

    def fit(self, portions: Iterable[Float[Tensor, "_ M C H W"]]) -> None:
        """Fits the components: the directions of largest variance of all frames of `portions`.

        Moments are summed in float64, so that the number and order of the portions do not matter.
        The largest entry of each component is positive, so that equal data give equal signs.
        """
        like = self.mean.double()
        count, total, squares = 0, torch.zeros_like(like), torch.outer(like, like).zero_()
        for x in portions:
            flat = self._flat(x).flatten(0, 1).double()
            count += len(flat)
            total += flat.sum(dim=0)
            squares.addmm_(flat.T, flat)
        mean = total / count
        covariance = squares / count - torch.outer(mean, mean)
        components = torch.linalg.eigh(covariance).eigenvectors.T.flip(0)[: self.embedding_dim]
        largest = components.gather(1, components.abs().argmax(dim=1, keepdim=True))
        self.mean.copy_(mean)
        self.components.copy_(components * largest.sign())

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """Coordinates of each frame along the components."""
        return (self._flat(x) - self.mean) @ self.components.T

    def reconstruct(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C H W"]:
        """Frames from their projections, upscaled from the encoder resolution (nearest pixel)."""
        flat = self.mean + self.embed_frames(x) @ self.components
        small = flat.flatten(0, 1).unflatten(1, (3, self.size, self.size))
        return interpolate(small, size=x.shape[-2:]).clamp(0.0, 1.0).unflatten(0, x.shape[:2])

    def _flat(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M P"]:
        return self.pool(x.flatten(0, 1)).flatten(1).unflatten(0, x.shape[:2])
