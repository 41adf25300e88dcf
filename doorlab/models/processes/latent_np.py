"""Latent neural process on a door's embedding (Garnelo et al. 2018b).

u is a random variable with the posterior q(u | {(a, r)}, c). Each sample of u is one coherent
hypothesis about the hidden parameters (for example: this latch turns to the left), as Thompson
sampling requires. The process is trained by maximum likelihood over several samples (Foong et al.
2020), so that samples can differ until the interactions determine the hidden parameters.

Legend: B doors, E embedding, T target interactions, A = 4 action coordinates, U interaction
latent, S samples of u.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal

from doorlab.models.architecture import Architecture
from doorlab.models.processes.base import NeuralProcess
from doorlab.models.processes.cnp import FiLMParams, InteractionEncoder, RewardDecoder
from doorlab.models.processes.reward_distributions import RewardDistribution
from doorlab.nn.context_sets import InteractionSet
from doorlab.nn.gaussian import GaussianHead, sample
from doorlab.nn.whitening import Whitening


@dataclass(frozen=True)
class LatentState:
    """State of a latent process: embedding, posterior of u, and FiLM parameters of its samples."""

    embedding: Float[Tensor, "B E"]
    """Whitened embeddings of the doors."""
    u: Normal
    """q(u | {(a, r)}, c), of shape B, U."""
    reading: FiLMParams
    """FiLM parameters of the decoder, for each sample of u."""


class LatentNeuralProcess(NeuralProcess[LatentState]):
    """NP: u is sampled from a posterior given the context set.

    Predictions are mixtures over samples of u; their standard deviation contains epistemic
    uncertainty and noise.
    """

    has_latent = True
    noise: Float[Tensor, "S 1 U"]

    def __init__(self, embedding_dim: int, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        self.whiten = Whitening(embedding_dim)
        self.interactions = InteractionEncoder(embedding_dim, a.hidden, a.hidden, a.aggregator)
        self.to_u = nn.Sequential(nn.GELU(), GaussianHead(a.hidden, a.interaction_dim, 0.1))
        self.decoder = RewardDecoder(embedding_dim, a.interaction_dim, a.hidden, a.head)
        # Predictions average over fixed quasi-random Gaussian points, so that the search for
        # actions optimizes a deterministic function.
        engine = torch.quasirandom.SobolEngine(a.interaction_dim, scramble=True, seed=0)
        uniform = engine.draw(a.latent_samples).clamp(1e-4, 1 - 1e-4)
        self.register_buffer("noise", torch.special.ndtri(uniform)[:, None])

    def condition(self, embedding: Float[Tensor, "B E"], context: InteractionSet) -> LatentState:
        """Encodes embeddings and context sets, with fixed samples of u."""
        e, u = self._infer(embedding, context)
        return LatentState(e, u, self.decoder.reading(e, u.mean + u.stddev * self.noise))

    def imagine(self, embedding: Float[Tensor, "B E"], context: InteractionSet) -> LatentState:
        """Encodes embeddings and context sets, with random samples of u, for training."""
        e, u = self._infer(embedding, context)
        samples = torch.stack([sample(u) for _ in range(len(self.noise))])
        return LatentState(e, u, self.decoder.reading(e, samples))

    def draw(self, state: LatentState, generator: torch.Generator | None = None) -> LatentState:
        """Samples u once; see `NeuralProcess.draw`."""
        one = sample(state.u, generator)[None]
        return replace(state, reading=self.decoder.reading(state.embedding, one))

    def predictive(self, state: LatentState, actions: Float[Tensor, "B T A"]) -> RewardDistribution:
        """Reward distributions of actions; see `NeuralProcess.predictive`."""
        return self.decoder(state.reading, actions)

    def _infer(
        self, embedding: Float[Tensor, "B E"], context: InteractionSet
    ) -> tuple[Float[Tensor, "B E"], Normal]:
        e = self.whiten(embedding)
        return e, self.to_u(self.interactions(e, context))
