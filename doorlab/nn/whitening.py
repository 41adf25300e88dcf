"""Embeddings in a scale of their own, blurred as far as few examples allow.

Legend: B embeddings of size E.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Whitening(nn.Module):
    """All directions in which embeddings differ count the same, those in which they don't nothing.

    Until `settle` it changes nothing. After that, in training, every embedding stands for those
    around it, too (vicinal risk: Chapelle et al. 2000): what is learned from a few of them is then
    smooth between them.
    """

    centre: Float[Tensor, " E"]
    matrix: Float[Tensor, "E E"]
    blur: Float[Tensor, "E E"]

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("matrix", torch.eye(size))
        self.register_buffer("blur", torch.zeros(size, size))

    def forward(self, embedding: Float[Tensor, "B E"]) -> Float[Tensor, "B E"]:
        """Whitened; in training with noise."""
        white = (embedding - self.centre) @ self.matrix
        if not self.training:
            return white
        return white + torch.randn_like(white) @ self.blur

    @torch.no_grad()
    def settle(self, embeddings: Float[Tensor, "B E"], share: float, noise: float) -> None:
        """Fits it to embeddings that are typical.

        Args:
            embeddings: two or more.
            share: of their variance, in (0, 1], that has to remain: directions are left out from
                the least on.
            noise: standard deviation of what is added in training to embeddings whose own is 1.
        """
        values = embeddings.double()
        centre = values.mean(dim=0)
        _, spread, directions = torch.linalg.svd(values - centre, full_matrices=False)
        spread = spread / len(values) ** 0.5
        explained = spread.square().cumsum(0) / spread.square().sum().clamp(min=1e-12)
        kept = min(int((explained < share).sum()) + 1, len(spread))
        basis = directions[:kept]
        # Turned back into the old axes, and as large on average as if all directions were there.
        scale = (len(centre) / kept) ** 0.5
        onto = basis.T @ basis * scale
        self.centre.copy_(centre)
        self.matrix.copy_(basis.T @ (basis / spread[:kept, None].clamp(min=1e-6)) * scale)
        self.blur.copy_(onto * noise)
