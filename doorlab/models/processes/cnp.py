"""Conditional neural process on a door's embedding (Garnelo et al. 2018a).

What was tried is pooled into one vector u; u and the embedding modulate how an action is read.
The product is what lets "hinge on the left" and "pull to the left" meet: a sum has to learn it as
an exclusive or.

Legend: B doors, E embedding, N context and T target interactions, A = 4 action coordinates,
U interaction latent, S samples (1 here), H hidden features, P outputs of the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.models.processes.base import NeuralProcess
from doorlab.models.processes.reward_distributions import RewardDistribution, reward_head
from doorlab.nn.actions import ACTION_FEATURES, action_features
from doorlab.nn.initialization import kaiming_init_
from doorlab.nn.interactions import InteractionSet
from doorlab.nn.mlp import mlp
from doorlab.nn.pooling import aggregator
from doorlab.nn.whitening import Whitening


class InteractionEncoder(nn.Module):
    """The interactions so far as one vector, whatever their order and number."""

    def __init__(self, embedding_dim: int, hidden: int, outputs: int, pooling: str) -> None:
        super().__init__()
        self.aggregator = aggregator(pooling)
        self.pair = kaiming_init_(nn.Linear(ACTION_FEATURES + 1, hidden))
        self.modulation = mlp(embedding_dim, hidden, 2 * hidden)
        self.read = kaiming_init_(nn.Sequential(nn.GELU(), nn.Linear(hidden, hidden)))
        self.pooled = kaiming_init_(mlp(self.aggregator.size(hidden), hidden, outputs))

    def forward(
        self, embedding: Float[Tensor, "B E"], tried: InteractionSet
    ) -> Float[Tensor, "B U"]:
        """u; interactions that the mask leaves out do not count."""
        # What a failure says depends on the door: it counts where the action should have worked.
        scale, shift = self.modulation(embedding)[:, None].chunk(2, dim=-1)
        pair = torch.cat([action_features(tried.actions), tried.rewards[..., None]], dim=-1)
        h = self.read(self.pair(pair) * (1.0 + scale) + shift)
        return self.pooled(self.aggregator.pool(h, tried.rewards, tried.mask))


@dataclass(frozen=True)
class FiLMParams:
    """How the decoder reads actions, by door and sample of u."""

    scale: Float[Tensor, "S B 1 H"]
    shift: Float[Tensor, "S B 1 H"]


class RewardDecoder(nn.Module):
    """p(r | a, embedding, u), in two parts: what depends on the door, and what on the action."""

    def __init__(self, embedding_dim: int, interaction_dim: int, hidden: int, head: str) -> None:
        super().__init__()
        self.law = reward_head(head)
        self.action = mlp(ACTION_FEATURES, hidden, hidden)
        self.modulation = mlp(embedding_dim + interaction_dim, hidden, 2 * hidden)
        self.output = mlp(hidden, hidden, self.law.outputs)

    def reading(self, embedding: Float[Tensor, "B E"], u: Float[Tensor, "S B U"]) -> FiLMParams:
        """How actions on doors are to be read."""
        known = torch.cat([embedding.expand(len(u), -1, -1), u], dim=-1)
        return FiLMParams(*self.modulation(known)[..., None, :].chunk(2, dim=-1))

    def forward(
        self,
        reading: FiLMParams,
        at: Float[Tensor, "B T A"],
        recalled: Float[Tensor, "B T H"] | None = None,
    ) -> RewardDistribution:
        """Laws of the rewards of `at`, their batch S, B, T.

        Args:
            reading: of the doors.
            at: actions.
            recalled: what a process adds to its reading of each action.
        """
        # An action is read once for all samples of u.
        h = torch.addcmul(reading.shift, self.action(action_features(at)), reading.scale)
        raw = self.output(h if recalled is None else h + recalled)
        # The laws take logarithms, for which bfloat16 is too coarse.
        return self.law(raw.float() if raw.dtype == torch.bfloat16 else raw)


class ConditionalNeuralProcess(NeuralProcess[FiLMParams]):
    """CNP: u is a function of the interactions."""

    has_latent = False

    def __init__(self, embedding_dim: int, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        u = a.interaction_dim
        self.whiten = Whitening(embedding_dim)
        self.interactions = InteractionEncoder(embedding_dim, a.hidden, u, a.aggregator)
        self.decoder = RewardDecoder(embedding_dim, u, a.hidden, a.head)

    def condition(self, embedding: Float[Tensor, "B E"], tried: InteractionSet) -> FiLMParams:
        """See `NeuralProcess.condition`."""
        e = self.whiten(embedding)
        return self.decoder.reading(e, self.interactions(e, tried)[None])

    def predictive(self, state: FiLMParams, actions: Float[Tensor, "B T A"]) -> RewardDistribution:
        """See `NeuralProcess.predictive`."""
        return self.decoder(state, actions)
