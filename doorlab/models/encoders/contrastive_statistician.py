"""A neural statistician that is told what c and z are for: an extension of Edwards & Storkey 2017.

Trained on its bound alone, a statistician puts into c what is large in the picture (place, size,
colour), and into z what takes few bits to tell apart, the side of the hinge and the way of the
swing among them. Five changes put the door into c and only its state into z:

1. The frames of a door are split in two. The context of each half explains the *other* half, so
   that c cannot hold what is true of single frames.
2. The contexts of both halves have to find each other among those of all doors of the batch and
   of their mirror images. That asks for all that tells doors apart, however few pixels show it.
   Each half is shifted and stretched in its own way, and one of them is a line drawing: place,
   size and colour, which the pictures ask for anyhow, are not enough (views as in Chen et al.
   2020, SimCLR).
3. Some dimensions of z have to tell a door's frames from one another, and find each again when it
   is shifted, or such a drawing, too: how far the door is open is what is left to go by.
4. z has the same prior for all doors, and is held to the same spread within each of them: states
   that depend on the door would say which door it is.
5. A mirrored frame has the same z, but for some dimensions that change their sign: a left door and
   a right one that stand open equally far are in the same state. (A mirror also turns what lies
   to the side of the camera, which is what the others are for.)

Legend: B doors, b of them decoded, M frames, C H W a picture, S pixels of a view, E context latent
c, P its projection, Z instance latent z, F features of a frame, G = 2F with its mirror image's.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import silu

from doorlab.errors import ConfigError
from doorlab.models.architecture import Architecture
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.nn.augmentation import drawn, random_affine
from doorlab.nn.gaussian import GaussianHead, sample, standard_normal
from doorlab.nn.initialization import kaiming_init_
from doorlab.objectives.info_nce import frame_contrast, info_nce
from doorlab.objectives.mmd import mmd_to_standard_normal

_PROJECTION = 64  # P
_DOORS_SHARPNESS, _FRAMES_SHARPNESS = (10.0, 100.0), (1.0, 60.0)  # at first, and at most


class InverseTemperature(nn.Module):
    """A learned inverse temperature."""

    def __init__(self, first: float, most: float) -> None:
        super().__init__()
        self.log, self.most = nn.Parameter(torch.tensor(math.log(first))), most

    def forward(self) -> Float[Tensor, ""]:
        """Its value."""
        return self.log.exp().clamp(max=self.most)


class ContrastiveStatistician(NeuralStatistician):
    """The statistician with another loss, and a z that a mirror leaves alone."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__(image_size, architecture)
        c, f, z = architecture.context_dim, architecture.features, architecture.instance_dim
        # The search sees c through a projection: it may forget what shifts and colours change.
        self.project = nn.Sequential(
            nn.Linear(c, f, bias=False),
            nn.BatchNorm1d(f),
            nn.ReLU(),
            nn.Linear(f, _PROJECTION, bias=False),
            nn.BatchNorm1d(_PROJECTION, affine=False),
        )
        self.doors_sharpness = InverseTemperature(*_DOORS_SHARPNESS)
        # Of drawings, which are found with less certainty, and of frames as they are.
        self.frames_sharpness = nn.ModuleList(
            InverseTemperature(*_FRAMES_SHARPNESS) for _ in range(2)
        )
        sign = torch.ones(z)
        sign[z - z // 3 :] = -1.0
        self.register_buffer("mirrored_sign", sign, persistent=False)
        self.telling = max(1, round(z * 0.4))  # dimensions of z that tell frames apart

    def add_top_layer(self, architecture: Architecture) -> None:
        """The network of z, whose prior needs none. Raises ConfigError for several layers.

        Also for one dimension: frames and drawings of them are told apart by different ones.
        """
        if architecture.instance_dim < 2:
            raise ConfigError(
                "two or more dimensions of z for the contrastive statistician",
                f"--architecture.instance-dim {architecture.instance_dim}",
                "raise it, or take --model statistician",
            )
        if architecture.instance_layers > 1:
            raise ConfigError(
                "one layer of z for the contrastive statistician",
                f"--architecture.instance-layers {architecture.instance_layers}",
                "leave it out, or take --model statistician",
            )
        f = architecture.features
        reading = kaiming_init_(nn.Sequential(nn.Linear(f, f), nn.SiLU()))
        self.to_z = nn.Sequential(reading, GaussianHead(f, architecture.instance_dim))

    def encode_frames(self, x: Float[Tensor, "B M C _ _"]) -> Float[Tensor, "B M G"]:
        """Features of frames, and of their mirror images."""
        return torch.cat([self.encoder(x), self.encoder(x.flip(-1))], dim=-1)

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """Mean of q(c | x_1..M), for which nobody need look at mirror images."""
        return self.infer_context(self.encoder(x)).mean

    def infer_context(self, h: Float[Tensor, "B M _"]) -> Normal:
        """q(c | x_1..M), from the frames as they are."""
        return super().infer_context(h[..., : self.architecture.features])

    def infer_instances(self, h: Float[Tensor, "B M G"], c: Float[Tensor, "B E"]) -> Normal:
        """q(z_m | x_m), whatever the door."""
        seen, mirrored = (self.to_z(silu(part)) for part in h.chunk(2, dim=-1))
        mean = 0.5 * (seen.mean + self.mirrored_sign * mirrored.mean)
        return Normal(mean, 0.5 * (seen.stddev + mirrored.stddev), validate_args=False)

    def instance_prior(self, c: Float[Tensor, "B E"], like: Float[Tensor, "B M Z"]) -> Normal:
        """N(0, 1), whatever the door."""
        return standard_normal(like)

    def loss(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative ELBO per pixel and colour of each half given the other + the three other terms.

        Raises:
            ConfigError: for a single frame per door, which has no other half.
        """
        if x.shape[1] < 2:
            raise ConfigError(
                "two or more frames per door for the contrastive statistician",
                f"{x.shape[1]}",
                "give --frames 2 or more",
            )
        a = self.architecture
        shown = x[: max(1, round(a.decode_fraction * len(x)))]
        pictures, scalars, z = self._cross_half_elbo(shown)
        doors, found = self._door_contrast(torch.cat([x, x.flip(-1)]))
        frames, placed = self._frame_contrast(shown, z)
        tie = mmd_to_standard_normal(z).mean()
        loss = pictures + a.contrast_weight * doors
        loss = loss + a.frame_contrast_weight * frames + a.independence_weight * tie
        searches = {"contrast": doors, "found": found, "frame_contrast": frames, "placed": placed}
        return loss, {**scalars, **searches, "dependence": tie}

    def _cross_half_elbo(
        self, x: Float[Tensor, "b M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]], Float[Tensor, "b M Z"]]:
        """The bound on each half given the context of the other, and the sampled z."""
        h, losses, parts, latents = self.encode_frames(x), [], [], []
        halves = list(zip(_halves(x), _halves(h), strict=True))
        for (told, features), (_, others) in zip(halves, reversed(halves), strict=True):
            loss, scalars, z = self.bound(told, features, self.infer_context(others))
            losses.append(loss)
            parts.append(scalars)
            latents.append(z)
        mean = {name: (parts[0][name] + parts[1][name]) / 2 for name in parts[0]}
        return (losses[0] + losses[1]) / 2, mean, torch.cat(latents, dim=1)

    def _door_contrast(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The search of each door's halves for each other, and the share that is found."""
        seen, drawing = _halves(x)
        views = (self._shifted(seen), self._shifted(drawn(drawing)))
        one, other = (self.project(self.infer_context(self.encoder(v)).mean) for v in views)
        return info_nce(one, other, self.doors_sharpness())

    def _frame_contrast(
        self, x: Float[Tensor, "b M C H W"], z: Float[Tensor, "b M Z"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The search of frames for another view of them, and the share that is found."""
        half, told = (len(x) + 1) // 2, self.telling
        views = torch.cat([x[:half], drawn(x[half:])]).flatten(0, 1)
        shifted = self._shifted(views[:, None])  # each in its own way
        h = self.encode_frames(shifted).view(*x.shape[:2], -1)
        other = sample(self.infer_instances(h, z.new_zeros(len(z), self.embedding_dim)))
        plain, lines = self.frames_sharpness
        loss, found = frame_contrast(z[:half, :, :told], other[:half, :, :told], plain())
        if half < len(x):
            among = slice(told, 2 * told)
            drawings = frame_contrast(z[half:, :, among], other[half:, :, among], lines())
            loss, found = (loss + drawings[0]) / 2, (found + drawings[1]) / 2
        return loss, found

    def _shifted(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C S S"]:
        """Every set of frames elsewhere in the picture, in the size that the encoder works in."""
        a = self.architecture
        return random_affine(x, min(a.encoder_resolution, x.shape[-1]), a.view_shift)


def _halves(x: Float[Tensor, "B M *rest"]) -> tuple[Tensor, Tensor]:
    """The first and the second half of every door's frames."""
    half = x.shape[1] // 2
    return x[:, :half], x[:, half:]
