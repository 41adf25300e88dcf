"""Attentive neural process on a door's embedding (Kim et al. 2019).

In addition to the latent u, which summarizes the context set, each target action attends to the
interactions of the context set. Keys and queries are features of actions, modulated by the door's
embedding, so that the similarity of actions depends on the door.

Legend: B doors, E embedding, N context and T target interactions, A = 4 action coordinates,
H hidden features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.models.processes.latent_np import LatentNeuralProcess, LatentState
from doorlab.models.processes.reward_distributions import RewardDistribution
from doorlab.nn.actions import ACTION_FEATURES, action_features
from doorlab.nn.attention import KeyValues, MaskedAttention
from doorlab.nn.context_sets import InteractionSet
from doorlab.nn.mlp import mlp


@dataclass(frozen=True)
class CrossAttentionContext:
    """Keys and values of the context set, and the modulation of the queries."""

    attended: KeyValues
    """Keys and values of the interactions."""
    scale: Float[Tensor, "B 1 H"]
    """Scale of the features of actions, by door."""
    shift: Float[Tensor, "B 1 H"]
    """Shift of the features of actions, by door."""


@dataclass(frozen=True)
class AttentiveState(LatentState):
    """State of an attentive process: the latent state, and keys and values of the context set."""

    memory: CrossAttentionContext
    """Keys and values of the context set."""


class InteractionAttention(nn.Module):
    """The deterministic path: attention from target actions to the context set."""

    def __init__(self, embedding_dim: int, hidden: int, heads: int) -> None:
        super().__init__()
        self.place = nn.Linear(ACTION_FEATURES, hidden)
        self.modulation = mlp(embedding_dim, hidden, 2 * hidden)
        self.read = nn.Sequential(nn.GELU(), nn.Linear(hidden, hidden), nn.GELU())
        self.content = nn.Sequential(mlp(ACTION_FEATURES + 1, hidden, hidden), nn.GELU())
        self.attention = MaskedAttention(hidden, heads)

    def memory(
        self, embedding: Float[Tensor, "B E"], context: InteractionSet
    ) -> CrossAttentionContext:
        """Keys and values of the context set, modulated by the embedding."""
        scale, shift = self.modulation(embedding)[:, None].chunk(2, dim=-1)
        features = action_features(context.actions)
        contents = self.content(torch.cat([features, context.rewards[..., None]], dim=-1))
        places = self._seen(context.actions, scale, shift)
        return CrossAttentionContext(
            self.attention.attended(places, contents, context.mask), scale, shift
        )

    def forward(
        self, actions: Float[Tensor, "B T A"], memory: CrossAttentionContext
    ) -> Float[Tensor, "B T H"]:
        """Attention output for each target action."""
        return self.attention(self._seen(actions, memory.scale, memory.shift), memory.attended)

    def _seen(
        self,
        actions: Float[Tensor, "B N A"],
        scale: Float[Tensor, "B 1 H"],
        shift: Float[Tensor, "B 1 H"],
    ) -> Float[Tensor, "B N H"]:
        return self.read(self.place(action_features(actions)) * (1.0 + scale) + shift)


class AttentiveProcess(LatentNeuralProcess):
    """ANP: the latent path of `LatentNeuralProcess`, plus attention to single interactions."""

    def __init__(self, embedding_dim: int, architecture: Architecture) -> None:
        super().__init__(embedding_dim, architecture)
        a = architecture
        self.attention = InteractionAttention(embedding_dim, a.hidden, a.attention_heads)

    def condition(self, embedding: Float[Tensor, "B E"], context: InteractionSet) -> AttentiveState:
        """Encodes embeddings and context sets, with fixed samples of u."""
        return self._recollection(super().condition(embedding, context), context)

    def imagine(self, embedding: Float[Tensor, "B E"], context: InteractionSet) -> AttentiveState:
        """Encodes embeddings and context sets, with random samples of u, for training."""
        return self._recollection(super().imagine(embedding, context), context)

    def predictive(self, state: LatentState, actions: Float[Tensor, "B T A"]) -> RewardDistribution:
        """Reward distributions of actions; see `NeuralProcess.predictive`."""
        assert isinstance(state, AttentiveState)  # `condition` returns this type
        return self.decoder(state.reading, actions, self.attention(actions, state.memory))

    def _recollection(self, belief: LatentState, context: InteractionSet) -> AttentiveState:
        return AttentiveState(
            **vars(belief), memory=self.attention.memory(belief.embedding, context)
        )
