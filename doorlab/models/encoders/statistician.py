"""Neural statistician: a latent c per set of frames and z per frame (Edwards & Storkey 2017).

    p(c) p(z_m | c) p(x_m | z_m, c),   q(c | x_1..M) q(z_m | x_m, c)

c should encode the door, and z what changes between its frames (opening angle, camera). With
several layers of z (the full model of the paper, figure 1), the prior and the posterior of each
layer depend on the layer above, and the decoder uses all layers:

    p(z_m | c) = p(z_mL | c) prod_l p(z_ml | z_m(l+1), c)
    q(z_m | x_m, c) = q(z_mL | x_m, c) prod_l q(z_ml | z_m(l+1), x_m, c),   l = L-1 .. 1

Legend: B doors, M frames, C H W an image, E context latent c, Z instance latent z (its layers
concatenated from the top), L one of these layers, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import silu

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.base import (
    DoorEncoder,
    FitsLatentDensity,
    Reconstructs,
    SamplesFrames,
)
from doorlab.models.image_likelihood import ImageLikelihood
from doorlab.nn.frame_subsets import random_subset, take
from doorlab.nn.gaussian import GaussianHead, mean_of, sample, standard_normal
from doorlab.nn.images import FrameDecoder, FrameEncoder
from doorlab.nn.initialization import kaiming_init_
from doorlab.nn.mlp import mlp
from doorlab.nn.pooling import check_statistics, set_statistics
from doorlab.objectives.elbo import statistician_loss


@dataclass(frozen=True)
class InstanceLatents:
    """Samples of z for each frame, with their posterior and prior.

    If z has several layers, the distributions of a layer depend on the sample of the layer above.
    """

    z: Float[Tensor, "B M Z"]
    posterior: Normal
    prior: Normal

    @staticmethod
    def join(layers: Sequence[InstanceLatents]) -> InstanceLatents:
        """Concatenates layers of z, from the top."""
        return InstanceLatents(
            torch.cat([layer.z for layer in layers], dim=-1),
            _side_by_side([layer.posterior for layer in layers]),
            _side_by_side([layer.prior for layer in layers]),
        )


class HierarchicalLayer(nn.Module):
    """Posterior and prior networks of a layer of z below the top layer."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        c, z, f = architecture.context_dim, architecture.instance_dim, architecture.features
        self.to_z = nn.Sequential(mlp(f + c + z, f), nn.SiLU(), GaussianHead(f, z))
        self.prior_z = nn.Sequential(mlp(c + z, f), nn.SiLU(), GaussianHead(f, z))

    def infer(
        self, h: Float[Tensor, "B M F"], c: Float[Tensor, "B E"], above: Float[Tensor, "B M L"]
    ) -> Normal:
        """q(z_l | z_l+1, x_m, c)."""
        return self.to_z(torch.cat([silu(h), _for_each(c, above), above], dim=-1))

    def prior(self, c: Float[Tensor, "B E"], above: Float[Tensor, "B M L"]) -> Normal:
        """p(z_l | z_l+1, c)."""
        return self.prior_z(torch.cat([_for_each(c, above), above], dim=-1))


class NeuralStatistician(DoorEncoder, Reconstructs, FitsLatentDensity, SamplesFrames):
    """Neural statistician; also the context encoder of SSNP."""

    has_context = True
    density_latent = "c"

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        c, f = a.context_dim, a.features
        self.embedding_dim, self.instance_dim = c, a.total_instance_dim
        self.encoder = FrameEncoder(image_size, a.encoder_channels, f, a.encoder_resolution)
        self.frame_statistic = kaiming_init_(nn.Sequential(nn.SiLU(), nn.Linear(f, f), nn.SiLU()))
        self.to_c = GaussianHead(f * len(check_statistics(a.statistics)), c)
        self.add_top_layer(a)
        lower = nn.ModuleList(HierarchicalLayer(a) for _ in range(a.instance_layers - 1))
        self.below = cast("Sequence[HierarchicalLayer]", lower)
        self.from_latents = kaiming_init_(
            nn.Sequential(nn.Linear(c + a.total_instance_dim, f), nn.SiLU())
        )
        self.decoder = FrameDecoder(image_size, a.decoder_channels, f)
        self.likelihood = ImageLikelihood(a.likelihood_std)

    def add_top_layer(self, architecture: Architecture) -> None:
        """Adds the posterior and prior networks of the top layer of z."""
        c, z, f = architecture.context_dim, architecture.instance_dim, architecture.features
        self.to_z: nn.Module = nn.Sequential(mlp(f + c, f), nn.SiLU(), GaussianHead(f, z))
        self.prior_z = nn.Sequential(mlp(c, f), nn.SiLU(), GaussianHead(f, z))

    def encode_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M F"]:
        """Features of frames, the input of the posteriors of both latents."""
        return self.encoder(x)

    def infer_context(self, h: Float[Tensor, "B M F"]) -> Normal:
        """q(c | x_1..M), from the features of the frames; invariant to their order."""
        pooled = set_statistics(self.frame_statistic(h), self.architecture.statistics)
        return self.to_c(pooled)

    def infer_instances(self, h: Float[Tensor, "B M F"], c: Float[Tensor, "B E"]) -> Normal:
        """q(z_m | x_m, c) of the top layer."""
        return self.to_z(torch.cat([silu(h), _for_each(c, h)], dim=-1))

    def infer_states(
        self,
        h: Float[Tensor, "B M F"],
        c: Float[Tensor, "B E"],
        draw: Callable[[Normal], Tensor],
    ) -> InstanceLatents:
        """Infers z of all frames, layer by layer from the top.

        Args:
            h: features of the frames.
            c: context latents of the doors.
            draw: function that selects a value from the posterior of a layer (a sample or the
                mean), which the next lower layer depends on.
        """
        q = self.infer_instances(h, c)
        layers = [InstanceLatents(draw(q), q, self.instance_prior(c, q.mean))]
        for layer in self.below:
            above = layers[-1].z
            q = layer.infer(h, c, above)
            layers.append(InstanceLatents(draw(q), q, layer.prior(c, above)))
        return InstanceLatents.join(layers)

    def decode(
        self, c: Float[Tensor, "B E"], z: Float[Tensor, "B M Z"]
    ) -> Float[Tensor, "B M C H W"]:
        """Mean images decoded from doors c in states z."""
        return self.decoder(self.from_latents(torch.cat([_for_each(c, z), z], dim=-1)))

    def loss(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative ELBO in nats per pixel and color, and its terms for logging."""
        h = self.encode_frames(x)
        loss, scalars, _ = self.bound(x, h, self.infer_context(h))
        return loss, scalars

    def bound(
        self, x: Float[Tensor, "B M C H W"], h: Float[Tensor, "B M F"], c: Normal
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]], Float[Tensor, "B M Z"]]:
        """Negative ELBO of frames for a given posterior of c.

        In training, the likelihood of a random part of the frames estimates that of all frames
        (`Architecture.frame_decode_fraction`). The KL terms are those of all frames.

        Args:
            x: frames.
            h: features of the frames.
            c: q(c | frames), from the same frames or from other frames of the same doors.

        Returns:
            Loss in nats per pixel and color, its terms for logging, and the sampled z.
        """
        a = self.architecture
        c_sample = sample(c)
        states = self.infer_states(h, c_sample, sample)
        at = random_subset(x, a.frame_decode_fraction if self.training else 1.0)
        likelihood = self.likelihood(take(x, at), self.decode(c_sample, take(states.z, at)))
        loss, kl_z, kl_c = statistician_loss(
            likelihood,
            states.posterior,
            states.prior,
            c,
            standard_normal(c.mean),
            a.beta_z,
            a.beta_c,
            a.free_nats,
        )
        pixels = x.shape[-3:].numel()
        scalars = {"log_likelihood": likelihood.mean() / pixels, "kl_z": kl_z, "kl_c": kl_c}
        return loss / pixels, scalars, states.z

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """Mean of q(c | x_1..M)."""
        return self.infer_context(self.encode_frames(x)).mean

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """Mean of q(z_m | x_m, c) at the mean of c, of each layer at the mean of the one above."""
        return self._means(x)[1]

    def reconstruct(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C H W"]:
        """Frames decoded from the posterior means of all latents."""
        return self.decode(*self._means(x))

    def new_frames(
        self, c: Float[Tensor, "B E"], frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B M C H W"]:
        """New frames of doors c, with states sampled from p(z | c)."""
        like = c.new_zeros(len(c), frames, self.architecture.instance_dim)
        layers = [sample(self.instance_prior(c, like), generator)]
        for layer in self.below:
            layers.append(sample(layer.prior(c, layers[-1]), generator))
        return self.decode(c, torch.cat(layers, dim=-1))

    def density_latents(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """Mean of q(c | x_1..M) for each door."""
        return self.embed(x)

    def sample(
        self,
        doors: int,
        frames: int,
        generator: torch.Generator | None = None,
        fitted: bool = True,
    ) -> Float[Tensor, "B M C H W"]:
        """Frames of sampled doors, each in several states sampled from p(z | c)."""
        like = next(self.parameters()).new_zeros(doors, self.embedding_dim)
        return self.new_frames(self.sample_latent(like, generator, fitted), frames, generator)

    def describe_sampling(self) -> str:
        """The distributions of c and z in `sample`, in words."""
        return f"{super().describe_sampling()}, z from p(z | c)"

    def instance_prior(self, c: Float[Tensor, "B E"], like: Float[Tensor, "B M L"]) -> Normal:
        """p(z | c) of the top layer, expanded to the shape of `like`."""
        prior = self.prior_z(c)
        return Normal(
            prior.mean[:, None].expand_as(like),
            prior.stddev[:, None].expand_as(like),
            validate_args=False,
        )

    def _means(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, "B E"], Float[Tensor, "B M Z"]]:
        h = self.encode_frames(x)
        c = self.infer_context(h).mean
        return c, self.infer_states(h, c, mean_of).z


def _for_each(c: Float[Tensor, "B E"], frames: Float[Tensor, "B M _"]) -> Float[Tensor, "B M E"]:
    """Repeats the context latent of each door for each of its frames."""
    return c[:, None].expand(-1, frames.shape[1], -1)


def _side_by_side(layers: Sequence[Normal]) -> Normal:
    mean = torch.cat([layer.mean for layer in layers], dim=-1)
    std = torch.cat([layer.stddev for layer in layers], dim=-1)
    return Normal(mean, std, validate_args=False)
