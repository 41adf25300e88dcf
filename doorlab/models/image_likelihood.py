"""Gaussian likelihood of images with one standard deviation for all pixels and colors.

Legend: *batch any leading axes, C H W an image.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from doorlab.objectives.elbo import image_log_likelihood, optimal_std

_RATE = 0.01  # weight of a new value in the running mean of the variance


class ImageLikelihood(nn.Module):
    """p(x | decoded mean) with a calibrated or a fixed standard deviation.

    The calibrated likelihood (sigma-VAE, Rybkin et al. 2021) uses, in training, the standard
    deviation that maximizes the likelihood of the decoded images of the batch; the loss per image
    is then D / 2 log MSE plus a constant, with D values per image. If only a random part of the
    images is decoded, the likelihood for a given standard deviation is an unbiased estimate. The
    standard deviation is then estimated from fewer images, as with a smaller batch. In evaluation
    the likelihood uses the square root of the running mean of these variances, which is stored with
    the weights. The likelihood of an image in evaluation therefore does not depend on the other
    images of the batch.

    Args:
        std: standard deviation in units of [0, 1]; 0 for the calibrated likelihood.
    """

    variance: Float[Tensor, ""]
    steps: Float[Tensor, ""]

    def __init__(self, std: float) -> None:
        super().__init__()
        self.calibrated = std == 0.0
        self.register_buffer("variance", torch.tensor(1.0 if self.calibrated else std**2))
        self.register_buffer("steps", torch.tensor(0.0))

    @property
    def std(self) -> Float[Tensor, ""]:
        """Standard deviation in evaluation."""
        return self.variance.sqrt()

    def forward(
        self, x: Float[Tensor, "*batch C H W"], mean: Float[Tensor, "*batch C H W"]
    ) -> Float[Tensor, "*batch"]:
        """Log-likelihood of each image, nats, summed over pixels and colors."""
        if not (self.calibrated and self.training):
            return image_log_likelihood(x, mean, self.std)
        std = optimal_std(x, mean)
        self._update(std)
        return image_log_likelihood(x, mean, std)

    @torch.no_grad()
    def _update(self, std: Float[Tensor, ""]) -> None:
        # A plain mean over the first steps, so that the initial value has no weight.
        self.steps += 1.0
        self.variance += (std.square() - self.variance) * (1.0 / self.steps).clamp(min=_RATE)
