"""Neural statistician with contrastive losses on c and z: an extension of Edwards & Storkey 2017.

A statistician that is trained on its ELBO alone encodes in c what covers many pixels (place, size,
color), and in z what takes few bits, including the side of the hinge and the direction of the
swing. Five changes make c encode the door and z encode only its state:

1. The frames of a door are split into two halves. The ELBO of each half uses the context of the
   *other* half, so that c cannot encode properties of single frames.
2. A contrastive loss matches the contexts of the two halves of a door among all doors of the batch
   and their mirror images. c must therefore encode all properties that distinguish doors, even
   those that few pixels show. Each half is shifted and stretched differently, and one half is
   reduced to edges, so that place, size and color, which the ELBO already encodes, do not suffice
   for the match (views as in Chen et al. 2020, SimCLR).
3. A second contrastive loss matches frames of a door with shifted or edge-filtered views of
   themselves, in some dimensions of z. The opening angle is the remaining property that
   distinguishes these views.
4. z has the same prior for all doors, and a penalty makes its distribution within every door match
   that prior: if z depended on the door, it would reveal the door.
5. A mirrored frame has the same z, except for some dimensions that change their sign. A left and a
   right door that are equally open thus have the same state. The dimensions that change their sign
   encode what a mirror reverses, such as the position to the side of the camera.

Legend: B doors, b of them decoded, M frames, C H W an image, S pixels of a view, E context latent
c, P its projection, Z instance latent z, F features of a frame, G = 2F with its mirror image's.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import silu

from doorlab.errors import ConfigError
from doorlab.models.architecture import Architecture
from doorlab.models.encoders.base import FitsLatentDensity
from doorlab.models.encoders.contrastive_statistician import (
    ContrastiveStatistician,
    InverseTemperature,
    check_frames,
)
from doorlab.nn.augmentation import edge_images
from doorlab.nn.gaussian import GaussianHead, sample, standard_normal
from doorlab.nn.initialization import kaiming_init_
from doorlab.objectives.info_nce import frame_contrast
from doorlab.objectives.mmd import mmd_to_standard_normal

_FRAMES_SHARPNESS = (1.0, 60.0)  # (initial, largest) value


class DisentangledStatistician(ContrastiveStatistician):
    """Statistician with contrastive losses on c and z, and a z that is equivariant to mirroring."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__(image_size, architecture)
        z = architecture.instance_dim
        # Separate values for plain and edge-filtered frames: edge-filtered frames match with less
        # certainty.
        self.frames_sharpness = nn.ModuleList(
            InverseTemperature(*_FRAMES_SHARPNESS) for _ in range(2)
        )
        sign = torch.ones(z)
        sign[z - z // 3 :] = -1.0
        self.register_buffer("mirrored_sign", sign, persistent=False)
        self.telling = max(1, round(z * 0.4))  # dimensions of z in the contrastive loss of frames

    def add_top_layer(self, architecture: Architecture) -> None:
        """Adds the network of q(z | x); the prior of z has no network.

        Raises ConfigError for several layers of z, and for a single dimension of z: plain and
        edge-filtered frames use different dimensions.
        """
        if architecture.instance_dim < 2:
            raise ConfigError(
                "two or more dimensions of z for the disentangled statistician",
                f"--architecture.instance-dim {architecture.instance_dim}",
                "raise it, or use --model statistician",
            )
        if architecture.instance_layers > 1:
            raise ConfigError(
                "one layer of z for the disentangled statistician",
                f"--architecture.instance-layers {architecture.instance_layers}",
                "remove this option, or use --model statistician",
            )
        f = architecture.features
        reading = kaiming_init_(nn.Sequential(nn.Linear(f, f), nn.SiLU()))
        self.to_z = nn.Sequential(reading, GaussianHead(f, architecture.instance_dim))

    def encode_frames(self, x: Float[Tensor, "B M C _ _"]) -> Float[Tensor, "B M G"]:
        """Features of frames, concatenated with those of their mirror images."""
        return torch.cat([self.encoder(x), self.encoder(x.flip(-1))], dim=-1)

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """Mean of q(c | x_1..M), which does not need the features of mirror images."""
        return self.infer_context(self.encoder(x)).mean

    def infer_context(self, h: Float[Tensor, "B M _"]) -> Normal:
        """q(c | x_1..M), from the features of the frames without those of mirror images."""
        return super().infer_context(h[..., : self.architecture.features])

    def infer_instances(self, h: Float[Tensor, "B M G"], c: Float[Tensor, "B E"]) -> Normal:
        """q(z_m | x_m), independent of c."""
        plain, mirrored = (self.to_z(silu(part)) for part in h.chunk(2, dim=-1))
        mean = 0.5 * (plain.mean + self.mirrored_sign * mirrored.mean)
        return Normal(mean, 0.5 * (plain.stddev + mirrored.stddev), validate_args=False)

    def instance_prior(self, c: Float[Tensor, "B E"], like: Float[Tensor, "B M Z"]) -> Normal:
        """p(z) = N(0, 1), independent of c."""
        return standard_normal(like)

    def describe_sampling(self) -> str:
        """The distributions of c and z in `sample`, in words."""
        return f"{FitsLatentDensity.describe_sampling(self)}, z from N(0, 1)"

    def loss(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative ELBO per pixel and color of each half given the other, plus three more terms.

        The other terms are the contrastive losses of doors and of frames, and the penalty on the
        distribution of z.

        Raises:
            ConfigError: for a single frame per door, which can't be split into halves.
        """
        check_frames(x)
        a = self.architecture
        decoded = x[: max(1, round(a.decode_fraction * len(x)))]
        elbo_loss, scalars, z = self._cross_half_elbo(decoded)
        doors, found = self.door_contrast(*_halves(x))
        frames, placed = self._frame_contrast(decoded, z)
        tie = mmd_to_standard_normal(z).mean()
        loss = elbo_loss + a.contrast_weight * doors
        loss = loss + a.frame_contrast_weight * frames + a.independence_weight * tie
        searches = {"contrast": doors, "found": found, "frame_contrast": frames, "placed": placed}
        return loss, {**scalars, **searches, "dependence": tie}

    def _cross_half_elbo(
        self, x: Float[Tensor, "b M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]], Float[Tensor, "b M Z"]]:
        """Negative ELBO of each half given the context of the other, its terms, and sampled z."""
        h, losses, parts, latents = self.encode_frames(x), [], [], []
        halves = list(zip(_halves(x), _halves(h), strict=True))
        for (frames, features), (_, others) in zip(halves, reversed(halves), strict=True):
            loss, scalars, z = self.bound(frames, features, self.infer_context(others))
            losses.append(loss)
            parts.append(scalars)
            latents.append(z)
        mean = {name: (parts[0][name] + parts[1][name]) / 2 for name in parts[0]}
        return (losses[0] + losses[1]) / 2, mean, torch.cat(latents, dim=1)

    def _frame_contrast(
        self, x: Float[Tensor, "b M C H W"], z: Float[Tensor, "b M Z"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Contrastive loss of frames and views of them, and the share of correct matches."""
        half, dims = (len(x) + 1) // 2, self.telling
        views = torch.cat([x[:half], edge_images(x[half:])]).flatten(0, 1)
        shifted = self.shifted(views[:, None])  # a different shift per frame
        h = self.encode_frames(shifted).view(*x.shape[:2], -1)
        other = sample(self.infer_instances(h, z.new_zeros(len(z), self.embedding_dim)))
        plain, lines = self.frames_sharpness
        loss, found = frame_contrast(z[:half, :, :dims], other[:half, :, :dims], plain())
        if half < len(x):
            edge_dims = slice(dims, 2 * dims)
            edges = frame_contrast(z[half:, :, edge_dims], other[half:, :, edge_dims], lines())
            loss, found = (loss + edges[0]) / 2, (found + edges[1]) / 2
        return loss, found


def _halves(x: Float[Tensor, "B M *rest"]) -> tuple[Tensor, Tensor]:
    """The first and the second half of every door's frames."""
    half = x.shape[1] // 2
    return x[:, :half], x[:, half:]
