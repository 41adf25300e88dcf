"""A neural statistician that is told what c and z are for: an extension of Edwards & Storkey 2017.

Trained on its bound alone, a statistician puts into c what is large in the picture (place, size,
colour), and into z what takes few bits to tell apart, the side of the hinge and the way of the
swing among them. Four changes put the door into c and only its state into z:

1. The frames of a door are split in two. The context of each half explains the *other* half, so
   that c cannot hold what is true of single frames.
2. The contexts of both halves have to find each other among those of all doors of the batch. That
   asks for all that tells doors apart, however few pixels show it.
3. z has the same prior for all doors, and is held to the same spread within each of them: states
   that depend on the door would say which door it is.
4. A mirrored frame has the same z, but for some dimensions that change their sign: a left door and
   a right one that stand open equally far are in the same state. (A mirror also turns what lies
   to the side of the camera, which is what the others are for.)

Legend: B doors, b of them decoded, M frames, C H W a picture, E context latent c, Z instance latent
z, F features of a frame, G = 2F those of a frame and of its mirror image.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal

from doorlab.errors import ConfigError
from doorlab.models.architecture import Architecture
from doorlab.models.statistician import NeuralStatistician
from doorlab.nn.gaussian import GaussianHead, sample, standard_normal
from doorlab.nn.initialisation import keep_variance
from doorlab.objectives.contrastive import contrastive_loss
from doorlab.objectives.independence import set_discrepancy

_SHARPNESS = (10.0, 100.0)  # of the search: at first, and at most


class ContrastiveStatistician(NeuralStatistician):
    """The statistician with another loss, and a z that a mirror leaves alone."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__(image_size, architecture)
        f, z = architecture.features, architecture.instance_dim
        reading = keep_variance(nn.Sequential(nn.Linear(f, f), nn.ReLU()))
        self.to_z = nn.Sequential(reading, GaussianHead(f, z))
        del self.prior_z  # replaced by the standard normal
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(_SHARPNESS[0])))
        sign = torch.ones(z)
        sign[z - z // 3 :] = -1.0
        self.register_buffer("mirrored_sign", sign, persistent=False)

    def look(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M G"]:
        """Features of frames, and of their mirror images."""
        return torch.cat([self.encoder(x), self.encoder(x.flip(-1))], dim=-1)

    def infer_context(self, h: Float[Tensor, "B M _"]) -> Normal:
        """q(c | x_1..M), from the frames as they are."""
        return super().infer_context(h[..., : self.architecture.features])

    def infer_instances(self, h: Float[Tensor, "B M G"], c: Float[Tensor, "B E"]) -> Normal:
        """q(z_m | x_m), whatever the door."""
        seen, mirrored = (self.to_z(part.relu()) for part in h.chunk(2, dim=-1))
        mean = 0.5 * (seen.mean + self.mirrored_sign * mirrored.mean)
        return Normal(mean, 0.5 * (seen.stddev + mirrored.stddev), validate_args=False)

    def instance_prior(self, c: Float[Tensor, "B E"], like: Float[Tensor, "B M Z"]) -> Normal:
        """N(0, 1), whatever the door."""
        return standard_normal(like)

    def loss(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative ELBO per pixel and colour of each half given the other + the two other terms.

        Raises:
            ConfigError: for a single frame per door, which has no other half.
        """
        if x.shape[1] < 2:
            raise ConfigError(
                "two or more frames per door for the contrastive statistician",
                f"{x.shape[1]}",
                "give --frames 2 or more",
            )
        a, h, half = self.architecture, self.encoder(x), x.shape[1] // 2
        halves = (slice(0, half), slice(half, None))
        contexts = [self.infer_context(h[:, mine]) for mine in halves]
        sharpness = self.log_sharpness.exp().clamp(max=_SHARPNESS[1])
        contrast, found = contrastive_loss(sample(contexts[0]), sample(contexts[1]), sharpness)
        b = max(1, round(a.decoded_share * len(x)))
        mirrored = self.encoder(x[:b].flip(-1))
        both = torch.cat([h[:b], mirrored], dim=-1)
        pictures, scalars, z = self._crosswise(x[:b], both, halves, contexts)
        tie = set_discrepancy(z).mean()
        loss = pictures + a.contrast_weight * contrast + a.independence_weight * tie
        return loss, {**scalars, "contrast": contrast, "found": found, "dependence": tie}

    def _crosswise(
        self,
        x: Float[Tensor, "b M C H W"],
        h: Float[Tensor, "b M G"],
        halves: tuple[slice, slice],
        contexts: list[Normal],
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]], Float[Tensor, "b M Z"]]:
        """The bound on each half given the context of the other, and the sampled z."""
        losses, parts, latents = [], [], []
        for told, context in zip(halves, reversed(contexts), strict=True):
            c = Normal(context.mean[: len(x)], context.stddev[: len(x)], validate_args=False)
            loss, scalars, z = self.bound(x[:, told], h[:, told], c)
            losses.append(loss)
            parts.append(scalars)
            latents.append(z)
        mean = {name: (parts[0][name] + parts[1][name]) / 2 for name in parts[0]}
        return (losses[0] + losses[1]) / 2, mean, torch.cat(latents, dim=1)
