"""Neural statistician: one latent for what the frames of a door share (Edwards & Storkey 2017).

    p(c) p(z_m | c) p(x_m | z_m, c),   q(c | x_1..M) q(z_m | x_m, c)

c is to hold the door, z what changes from frame to frame (its opening angle, the camera).

Legend: B doors, M frames, C H W a picture, E context latent c, Z instance latent z, F features.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal

from doorlab.models.architecture import Architecture
from doorlab.nn.gaussian import GaussianHead, sample, standard_normal
from doorlab.nn.images import FrameDecoder, FrameEncoder
from doorlab.nn.initialisation import keep_variance
from doorlab.nn.mlp import mlp
from doorlab.nn.pooling import check_statistics, set_statistics
from doorlab.objectives.elbo import image_log_likelihood, statistician_loss


class NeuralStatistician(nn.Module):
    """The context learner, also inside SSNP."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        c, z, f = a.context_dim, a.instance_dim, a.features
        self.embedding_dim, self.instance_dim = c, z
        self.encoder = FrameEncoder(image_size, a.encoder_channels, f, a.working_size)
        self.frame_statistic = keep_variance(nn.Sequential(nn.ReLU(), nn.Linear(f, f), nn.ReLU()))
        self.to_c = GaussianHead(f * len(check_statistics(a.statistics)), c)
        self.to_z = GaussianHead(f + c, z)
        self.prior_z = nn.Sequential(mlp(c, f), nn.ReLU(), GaussianHead(f, z))
        self.from_latents = keep_variance(nn.Sequential(mlp(c + z, f, f), nn.ReLU()))
        self.decoder = FrameDecoder(image_size, a.decoder_channels, f)

    def look(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M F"]:
        """Features of frames, which both latents are inferred from."""
        return self.encoder(x)

    def infer_context(self, h: Float[Tensor, "B M F"]) -> Normal:
        """q(c | x_1..M) from the frames' features: the order of the frames does not matter."""
        pooled = set_statistics(self.frame_statistic(h), self.architecture.statistics)
        return self.to_c(pooled)

    def infer_instances(self, h: Float[Tensor, "B M F"], c: Float[Tensor, "B E"]) -> Normal:
        """q(z_m | x_m, c)."""
        shared = c[:, None].expand(-1, h.shape[1], -1)
        return self.to_z(torch.cat([h.relu(), shared], dim=-1))

    def decode(
        self, c: Float[Tensor, "B E"], z: Float[Tensor, "B M Z"]
    ) -> Float[Tensor, "B M C H W"]:
        """The mean pictures of doors c in states z."""
        shared = c[:, None].expand(-1, z.shape[1], -1)
        return self.decoder(self.from_latents(torch.cat([shared, z], dim=-1)))

    def loss(
        self, x: Float[Tensor, "B M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative ELBO in nats per pixel and colour, and what it is made of."""
        h = self.look(x)
        loss, scalars, _ = self.bound(x, h, self.infer_context(h))
        return loss, scalars

    def bound(
        self, x: Float[Tensor, "B M C H W"], h: Float[Tensor, "B M F"], c: Normal
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]], Float[Tensor, "B M Z"]]:
        """Negative ELBO of frames in doors c, as `loss` gives it, and the sampled z.

        Args:
            x: the frames.
            h: their features.
            c: q(c | frames): of these, or of others of the same doors.
        """
        a = self.architecture
        c_sample = sample(c)
        z = self.infer_instances(h, c_sample)
        z_sample = sample(z)
        likelihood = image_log_likelihood(x, self.decode(c_sample, z_sample), a.pixel_scale)
        loss, kl_z, kl_c = statistician_loss(
            likelihood,
            z,
            self.instance_prior(c_sample, z.mean),
            c,
            standard_normal(c.mean),
            a.beta_z,
            a.beta_c,
        )
        pixels = x.shape[-3:].numel()
        scalars = {"log_likelihood": likelihood.mean() / pixels, "kl_z": kl_z, "kl_c": kl_c}
        return loss / pixels, scalars, z_sample

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """Mean of q(c | x_1..M)."""
        return self.infer_context(self.look(x)).mean

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """Mean of q(z_m | x_m, c) at the mean of c."""
        h = self.look(x)
        return self.infer_instances(h, self.infer_context(h).mean).mean

    def reconstruct(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M C H W"]:
        """Pictures from the means of both latents."""
        h = self.look(x)
        c = self.infer_context(h).mean
        return self.decode(c, self.infer_instances(h, c).mean)

    def new_frames(
        self, c: Float[Tensor, "B E"], frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B M C H W"]:
        """Doors c in states drawn from p(z | c): frames that nobody took."""
        like = c.new_zeros(len(c), frames, self.instance_dim)
        return self.decode(c, sample(self.instance_prior(c, like), generator))

    def sample(
        self, doors: int, frames: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "B M C H W"]:
        """Doors from the prior, each in several states."""
        like = next(self.parameters()).new_zeros(doors, self.embedding_dim)
        return self.new_frames(sample(standard_normal(like), generator), frames, generator)

    def instance_prior(self, c: Float[Tensor, "B E"], like: Float[Tensor, "B M Z"]) -> Normal:
        """p(z | c), in the shape of `like`."""
        prior = self.prior_z(c)
        return Normal(
            prior.mean[:, None].expand_as(like),
            prior.stddev[:, None].expand_as(like),
            validate_args=False,
        )
