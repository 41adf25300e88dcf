"""Whitening of embeddings, with noise for training on few labels.

Embeddings that were learned from few labels have few directions of large variance, which are those
that matter: `Whitening.fit` keeps them. Embeddings that were learned without labels have many, and
variance does not tell which of them matter: `Whitening.fit_components` weighs independent
components by their kurtosis.

Legend: B embeddings of size E.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from doorlab.nn.independent_components import independent_components

# Kurtosis from which on the weight of a component falls, and at which it would be 0.
_FULL_WEIGHT, _NO_WEIGHT = 1.5, 3.0
_LEAST_WEIGHT = 0.3  # before squaring: no direction is lost


class Whitening(nn.Module):
    """A linear map of embeddings to directions of comparable scale. Identity until it is fitted.

    After a fit, Gaussian noise is added to embeddings in training mode (vicinal risk minimization:
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
        """Fits ZCA whitening with an eigenvalue floor to typical embeddings.

        Variances v become v / (v + floor * sum(v)).

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

    @torch.no_grad()
    def fit_components(
        self,
        embeddings: Float[Tensor, "B E"],
        mirrored: Float[Tensor, "B E"] | None,
        floor: float,
        noise: float,
    ) -> None:
        """Fits weighted independent components to embeddings of unlabeled doors.

        The standard deviation of a component of kurtosis k is min(1, max(0.3, (3 - k) / 1.5))^2:
        factors with two values have 1, uniform ones 0.64, and normal or sparse features 0.09.
        (See `independent_components`.)

        Args:
            embeddings: embeddings of typical doors.
            mirrored: embeddings of their mirror images; None if doors are never mirrored.
            floor: principal axes with a smaller fraction of the total variance are left out.
            noise: standard deviation of the isotropic noise added in training.
        """
        other = None if mirrored is None else _array(mirrored)
        found = independent_components(_array(embeddings), other, floor)
        weight = ((_NO_WEIGHT - found.kurtosis) / (_NO_WEIGHT - _FULL_WEIGHT)).clip(
            _LEAST_WEIGHT, 1.0
        ) ** 2
        self.matrix.zero_()
        self.matrix[:, : len(weight)] = torch.from_numpy(found.matrix * weight).to(self.matrix)
        self.center.copy_(torch.from_numpy(found.center))
        self.noise.fill_(noise)


def _array(values: Tensor) -> Float64[np.ndarray, "B E"]:
    return values.double().cpu().numpy()
