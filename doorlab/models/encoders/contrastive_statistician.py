"""Neural statistician with a contrastive loss on c: an extension of Edwards & Storkey 2017.

A statistician that is trained on its ELBO alone encodes in c what covers many pixels (place, size,
color). What few pixels show, including the side of the hinge, gets little of the variance of c. A
contrastive loss changes that: the contexts of two sets of frames of a door must match among those
of all doors of the batch and their mirror images. c must therefore encode all properties that
distinguish doors. Each set is shifted and stretched differently, and one set is reduced to edges,
so that place, size and color, which the ELBO already encodes, do not suffice for the match (views
as in Chen et al. 2020, SimCLR).

Legend: B doors, M frames, K frames of a set, C H W an image, S pixels of a view, E context latent
c, P its projection.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from doorlab.errors import ConfigError
from doorlab.models.architecture import Architecture
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.nn.augmentation import edge_images, random_affine
from doorlab.nn.frame_subsets import random_subset, take
from doorlab.objectives.info_nce import info_nce

_PROJECTION = 64  # P
_SHARPNESS = (10.0, 100.0)  # (initial, largest) value


class InverseTemperature(nn.Module):
    """A learned inverse temperature of a contrastive loss, with an upper bound."""

    def __init__(self, first: float, most: float) -> None:
        super().__init__()
        self.log, self.most = nn.Parameter(torch.tensor(math.log(first))), most

    def forward(self) -> Float[Tensor, ""]:
        """The inverse temperature."""
        return self.log.exp().clamp(max=self.most)


class ContrastiveStatistician(NeuralStatistician):
    """Statistician whose context latents also identify doors among others and mirror images."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__(image_size, architecture)
        c, f = architecture.context_dim, architecture.features
        # The contrastive loss uses a projection of c, which can discard what shifts and colors
        # change.
        self.project = nn.Sequential(
            nn.Linear(c, f, bias=False),
            nn.BatchNorm1d(f),
            nn.ReLU(),
            nn.Linear(f, _PROJECTION, bias=False),
            nn.BatchNorm1d(_PROJECTION, affine=False),
        )
        self.doors_sharpness = InverseTemperature(*_SHARPNESS)

    def loss(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative ELBO in nats per pixel and color, plus the weighted contrastive loss.

        Raises:
            ConfigError: for a single frame per door, which can't be split into two sets.
        """
        check_frames(x)
        loss, scalars = super().loss(x)
        count = min(self.architecture.contrast_frames, x.shape[1] // 2)
        chosen = take(x, random_subset(x, 2 * count / x.shape[1]))
        contrast, found = self.door_contrast(chosen[:, :count], chosen[:, count:])
        loss = loss + self.architecture.contrast_weight * contrast
        return loss, {**scalars, "contrast": contrast, "found": found}

    def door_contrast(
        self, one: Float[Tensor, "B K C H W"], other: Float[Tensor, "B _ C H W"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Contrastive loss of two sets of frames of each door, and the share of correct matches.

        The mirror images of the doors take part as further doors.
        """
        views = (
            self.shifted(torch.cat([one, one.flip(-1)])),
            edge_images(self.shifted(torch.cat([other, other.flip(-1)]))),
        )
        a, b = (self.project(self.infer_context(self.encoder(view)).mean) for view in views)
        return info_nce(a, b, self.doors_sharpness())

    def shifted(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C S S"]:
        """Random affine views of sets of frames, one map per set, at the encoder resolution."""
        a = self.architecture
        return random_affine(x, min(a.encoder_resolution, x.shape[-1]), a.view_shift)


def check_frames(x: Float[Tensor, "B M C H W"]) -> None:
    """Raises ConfigError for a single frame per door, which can't be split into two sets."""
    if x.shape[1] < 2:
        raise ConfigError(
            "at least two frames per door for a contrastive loss",
            f"{x.shape[1]}",
            "give --frames 2 or more",
        )
