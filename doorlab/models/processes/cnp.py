"""Conditional neural process on a door's embedding (Garnelo et al. 2018a).

The context set is pooled into one vector u. u and the embedding modulate the features of an action
(FiLM: scale and shift). The product represents interactions such as "hinge on the left" with "pull
to the left" directly; an additive network must learn them as an exclusive or.

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
from doorlab.models.processes.reward_distributions import (
    RewardDistribution,
    distribution_of,
    reward_head,
)
from doorlab.nn.actions import ACTION_FEATURES, action_features, distinct_actions
from doorlab.nn.context_sets import InteractionSet
from doorlab.nn.initialization import kaiming_init_
from doorlab.nn.mlp import mlp
from doorlab.nn.pooling import aggregator
from doorlab.nn.whitening import Whitening


class InteractionEncoder(nn.Module):
    """Encodes a context set into one vector, for any number and order of interactions."""

    def __init__(self, embedding_dim: int, hidden: int, outputs: int, pooling: str) -> None:
        super().__init__()
        self.aggregator = aggregator(pooling)
        self.pair = kaiming_init_(nn.Linear(ACTION_FEATURES + 1, hidden))
        self.modulation = mlp(embedding_dim, hidden, 2 * hidden)
        self.read = kaiming_init_(nn.Sequential(nn.GELU(), nn.Linear(hidden, hidden)))
        self.pooled = kaiming_init_(mlp(self.aggregator.size(hidden), hidden, outputs))

    def forward(
        self, embedding: Float[Tensor, "B E"], context: InteractionSet
    ) -> Float[Tensor, "B U"]:
        """Computes u; masked interactions are ignored."""
        # A failure is informative only if the action should have worked on this door.
        scale, shift = self.modulation(embedding)[:, None].chunk(2, dim=-1)
        pair = torch.cat([action_features(context.actions), context.rewards[..., None]], dim=-1)
        h = self.read(self.pair(pair) * (1.0 + scale) + shift)
        return self.pooled(self.aggregator.pool(h, context.rewards, context.mask))


@dataclass(frozen=True)
class FiLMParams:
    """Scale and shift of the decoder's action features, by door and sample of u (FiLM)."""

    scale: Float[Tensor, "S B 1 H"]
    shift: Float[Tensor, "S B 1 H"]


class RewardDecoder(nn.Module):
    """p(r | a, embedding, u), computed in two steps.

    `reading` depends only on the door and u, `forward` also on the actions.
    """

    def __init__(self, embedding_dim: int, interaction_dim: int, hidden: int, head: str) -> None:
        super().__init__()
        self.law = reward_head(head)
        self.action = mlp(ACTION_FEATURES, hidden, hidden)
        self.modulation = mlp(embedding_dim + interaction_dim, hidden, 2 * hidden)
        self.output = mlp(hidden, hidden, self.law.outputs)

    def reading(self, embedding: Float[Tensor, "B E"], u: Float[Tensor, "S B U"]) -> FiLMParams:
        """FiLM parameters of the action features, for doors and samples of u."""
        known = torch.cat([embedding.expand(len(u), -1, -1), u], dim=-1)
        return FiLMParams(*self.modulation(known)[..., None, :].chunk(2, dim=-1))

    def forward(
        self,
        reading: FiLMParams,
        at: Float[Tensor, "B T A"],
        recalled: Float[Tensor, "B T H"] | None = None,
    ) -> RewardDistribution:
        """Reward distributions of the actions `at`; their batch is S, B, T.

        Args:
            reading: FiLM parameters of the doors.
            at: target actions.
            recalled: attention output per action, added to the action features; None without
                attention.
        """
        # The features of an action are computed once for all samples of u, and once for all doors
        # if the doors share their actions.
        features = self.action(action_features(distinct_actions(at)))
        h = torch.addcmul(reading.shift, features, reading.scale)
        raw = self.output(h if recalled is None else h + recalled)
        return distribution_of(self.law, raw)


class ConditionalNeuralProcess(NeuralProcess[FiLMParams]):
    """CNP: u is a deterministic function of the context set."""

    has_latent = False

    def __init__(self, embedding_dim: int, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        u = a.interaction_dim
        self.whiten = Whitening(embedding_dim)
        self.interactions = InteractionEncoder(embedding_dim, a.hidden, u, a.aggregator)
        self.decoder = RewardDecoder(embedding_dim, u, a.hidden, a.head)

    def condition(self, embedding: Float[Tensor, "B E"], context: InteractionSet) -> FiLMParams:
        """Encodes embeddings and context sets; see `NeuralProcess.condition`."""
        e = self.whiten(embedding)
        return self.decoder.reading(e, self.interactions(e, context)[None])

    def predictive(self, state: FiLMParams, actions: Float[Tensor, "B T A"]) -> RewardDistribution:
        """Reward distributions of actions; see `NeuralProcess.predictive`."""
        return self.decoder(state, actions)
