"""Latent neural process on a door's embedding (Garnelo et al. 2018b).

u is uncertain: q(u | {(a, r)}, c). Each sample of u is one coherent guess of what is hidden (this
latch turns to the left), which is what Thompson sampling needs. Trained by maximum likelihood over
several samples (Foong et al. 2020), so that samples may disagree until interactions decide.

Legend: B doors, E embedding, N context and T target interactions, A = 4 action coordinates,
U interaction latent, S samples of u.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.distributions import Normal

from doorlab.models.architecture import Architecture
from doorlab.models.cnp import InteractionEncoder, RewardDecoder
from doorlab.models.reward import Process, RewardPrediction
from doorlab.nn.gaussian import GaussianHead, sample
from doorlab.objectives.rewards import reward_score


class LatentProcess(Process):
    """NP: u is drawn given the interactions."""

    has_latent = True
    noise: Float[Tensor, "S 1 U"]

    def __init__(self, embedding_dim: int, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        self.standardise = nn.BatchNorm1d(embedding_dim)
        self.interactions = InteractionEncoder(embedding_dim, a.hidden, a.hidden)
        self.to_u = nn.Sequential(nn.GELU(), GaussianHead(a.hidden, a.interaction_dim, 0.1))
        self.decoder = RewardDecoder(embedding_dim, a.interaction_dim, a.hidden)
        # Predictions average over the same few Gaussian points every time: no noise for optimisers.
        engine = torch.quasirandom.SobolEngine(a.interaction_dim, scramble=True, seed=0)
        uniform = engine.draw(a.latent_samples).clamp(1e-4, 1 - 1e-4)
        self.register_buffer("noise", torch.special.ndtri(uniform)[:, None])

    def infer(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
    ) -> Normal:
        """q(u | {(a, r)}, c), for standardised embeddings."""
        return self.to_u(self.interactions(embedding, ac, rc, mask))

    def predict(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
    ) -> RewardPrediction:
        """The mixture over samples of u: its std holds what is not known and what is noise."""
        e = self.standardise(embedding)
        u = self.infer(e, ac, rc, mask)
        means, stds = self._decode(e, u.mean + u.stddev * self.noise, at)
        mean = means.mean(dim=0)
        variance = stds.square().mean(dim=0) + (means - mean).square().mean(dim=0)
        return RewardPrediction(mean, variance.sqrt())

    def sample_functions(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B T"]:
        """The mean rewards under one sample of u per door."""
        e = self.standardise(embedding)
        return self.decoder(e, sample(self.infer(e, ac, rc, mask), generator), at)[0]

    def score(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
        rt: Float[Tensor, "B T"],
    ) -> tuple[Float[Tensor, "S B T"], Float[Tensor, "B T"]]:
        """How well each sample predicts each target, and the mean prediction."""
        e = self.standardise(embedding)
        u = self.infer(e, ac, rc, mask)
        samples = torch.stack([sample(u) for _ in range(len(self.noise))])
        means, stds = self._decode(e, samples, at)
        return reward_score(means, stds, rt), means.mean(dim=0)

    def _decode(
        self, e: Float[Tensor, "B E"], u: Float[Tensor, "S B U"], at: Float[Tensor, "B T A"]
    ) -> tuple[Float[Tensor, "S B T"], Float[Tensor, "S B T"]]:
        samples = len(u)
        return self.decoder(e.expand(samples, -1, -1), u, at.expand(samples, -1, -1, -1))
