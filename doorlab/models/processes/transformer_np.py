"""Transformer neural process on a door's embedding (Nguyen & Grover 2022, the diagonal TNP-D).

Every interaction of the context set and every target action is a token of one transformer. All
tokens attend to the context set only, so that the prediction of a target depends neither on other
targets nor on the order of the context set. Keys and values of the context set are computed once
per context set; further target actions take time in proportion to their number.

Differences to the published code: the door's embedding scales and shifts the features of every
token, as in the other processes. A token has a feature that distinguishes an unknown reward from
the reward 0. Attention has a learned member, so that the context set may be empty.

Legend: B doors, E embedding, N context and T target interactions, A = 4 action coordinates,
H hidden features.
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
from doorlab.nn.actions import ACTION_FEATURES, action_features
from doorlab.nn.attention import KeyValues, TransformerLayer
from doorlab.nn.context_sets import InteractionSet
from doorlab.nn.mlp import mlp
from doorlab.nn.whitening import Whitening

LAYERS = 2  # with them the process has about as many parameters as the attentive process


@dataclass(frozen=True)
class TransformerState:
    """Keys and values of the context set in every layer, and the modulation of the tokens."""

    layers: tuple[KeyValues, ...]
    """Keys and values of the context set, by layer."""
    scale: Float[Tensor, "B 1 H"]
    """Scale of the features of tokens, by door."""
    shift: Float[Tensor, "B 1 H"]
    """Shift of the features of tokens, by door."""


class TransformerProcess(NeuralProcess[TransformerState]):
    """TNP-D: predicts each target by a transformer over the context set and this target.

    Raises:
        ConfigError: if the number of attention heads does not divide the number of features.
    """

    has_latent = False

    def __init__(
        self, embedding_dim: int, architecture: Architecture, layers: int = LAYERS
    ) -> None:
        super().__init__()
        hidden = architecture.hidden
        self.whiten = Whitening(embedding_dim)
        self.law = reward_head(architecture.head)
        self.token = nn.Linear(ACTION_FEATURES + 2, hidden)
        self.modulation = mlp(embedding_dim, hidden, 2 * hidden)
        self.read = nn.Sequential(nn.GELU(), nn.Linear(hidden, hidden))
        self.layers = nn.ModuleList(
            TransformerLayer(hidden, architecture.attention_heads) for _ in range(layers)
        )
        self.output = nn.Sequential(nn.LayerNorm(hidden), mlp(hidden, hidden, self.law.outputs))

    def condition(
        self, embedding: Float[Tensor, "B E"], context: InteractionSet
    ) -> TransformerState:
        """Encodes embeddings and context sets; see `NeuralProcess.condition`."""
        scale, shift = self.modulation(self.whiten(embedding))[:, None].chunk(2, dim=-1)
        known = torch.stack([context.rewards, torch.ones_like(context.rewards)], dim=-1)
        tokens = self._tokens(context.actions, known, scale, shift)
        layers: list[KeyValues] = []
        for layer in self.layers:
            assert isinstance(layer, TransformerLayer)  # a ModuleList does not say so
            layers.append(layer.attended(tokens, context.mask))
            if len(layers) < len(self.layers):  # nothing reads the tokens after the last layer
                tokens = layer(tokens, layers[-1])
        return TransformerState(tuple(layers), scale, shift)

    def predictive(
        self, state: TransformerState, actions: Float[Tensor, "B T A"]
    ) -> RewardDistribution:
        """Reward distributions of actions; see `NeuralProcess.predictive`."""
        unknown = actions.new_zeros(*actions.shape[:2], 2)
        tokens = self._tokens(actions, unknown, state.scale, state.shift)
        for layer, attended in zip(self.layers, state.layers, strict=True):
            tokens = layer(tokens, attended)
        return distribution_of(self.law, self.output(tokens)[None])

    def _tokens(
        self,
        actions: Float[Tensor, "B N A"],
        reward: Float[Tensor, "B N 2"],
        scale: Float[Tensor, "B 1 H"],
        shift: Float[Tensor, "B 1 H"],
    ) -> Float[Tensor, "B N H"]:
        """Tokens of interactions; `reward` is (reward, 1), or (0, 0) for an unknown reward."""
        token = self.token(torch.cat([action_features(actions), reward], dim=-1))
        return self.read(token * (1.0 + scale) + shift)
