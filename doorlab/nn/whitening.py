"""Whitening of embeddings, with noise for training on few labels.

Legend: B embeddings of size E.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Whitening(nn.Module):
    """ZCA whitening with an eigenvalue floor. Identity until `fit` is called.

    After `fit`, Gaussian noise is added to embeddings in training mode (vicinal risk minimization:
    Chapelle et al. 2000). A model trained on few embeddings is then smooth between them, and
    ignores directions in which they differ by less than the noise.
    """

    center: Float[Tensor, " E"]
    matrix: Float[Tensor, "E E"]
    noise: Float[Tensor, ""]

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(size))
        self.register_buffer("matrix", torch.eye(size))
        self.register_buffer("noise", torch.zeros(()))

    def forward(self, embedding: Float[Tensor, "B E"]) -> Float[Tensor, "B E"]:
        """Whitens embeddings; adds noise in training mode."""
        white = (embedding - self.center) @ self.matrix
        return white + self.noise * torch.randn_like(white) if self.training else white

    @torch.no_grad()
    def fit(self, embeddings: Float[Tensor, "B E"], floor: float, noise: float) -> None:
        """Fits the whitening to typical embeddings: variances v become v / (v + floor * sum(v)).

        Args:
            embeddings: two or more; v are their variances along their principal axes.
            floor: eigenvalue floor, as a fraction of the total variance.
            noise: standard deviation of the isotropic noise added in training.
        """
        values = embeddings.double()
        center = values.mean(dim=0)
        off = values - center
        variance, axes = torch.linalg.eigh(off.T @ off / len(off))
        variance = variance.clamp(min=0.0)
        scale = (variance + floor * variance.sum()).clamp(min=1e-12).rsqrt()
        self.center.copy_(center)
        self.matrix.copy_(axes * scale @ axes.T)
        self.noise.fill_(noise)
