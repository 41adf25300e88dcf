"""Embeddings in a scale of their own, blurred as far as few examples allow.

Legend: B embeddings of size E.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Whitening(nn.Module):
    """All directions in which embeddings differ count the same, others hardly.

    Until `fit` it changes nothing. After that, in training, every embedding stands for those
    around it, too (vicinal risk: Chapelle et al. 2000): what is learned from a few of them is then
    smooth between them, and blind to directions in which they differ by less than the noise.
    """

    centre: Float[Tensor, " E"]
    matrix: Float[Tensor, "E E"]
    noise: Float[Tensor, ""]

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("matrix", torch.eye(size))
        self.register_buffer("noise", torch.zeros(()))

    def forward(self, embedding: Float[Tensor, "B E"]) -> Float[Tensor, "B E"]:
        """Whitened; in training with noise."""
        white = (embedding - self.centre) @ self.matrix
        return white + self.noise * torch.randn_like(white) if self.training else white

    @torch.no_grad()
    def fit(self, embeddings: Float[Tensor, "B E"], floor: float, noise: float) -> None:
        """Fits it to embeddings that are typical: v / (v + floor * sum of all v) is left of v.

        Args:
            embeddings: two or more; v are their variances along their principal axes.
            floor: as a share of all variance.
            noise: standard deviation of what is added in training, in all directions.
        """
        values = embeddings.double()
        centre = values.mean(dim=0)
        off = values - centre
        variance, axes = torch.linalg.eigh(off.T @ off / len(off))
        variance = variance.clamp(min=0.0)
        scale = (variance + floor * variance.sum()).clamp(min=1e-12).rsqrt()
        self.centre.copy_(centre)
        self.matrix.copy_(axes * scale @ axes.T)
        self.noise.fill_(noise)
