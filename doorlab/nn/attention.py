"""Attention from queries to sets that may have masked members and may be empty.

Legend: B sets, N members, T queries, F features; K heads, D = F / K features of a head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from doorlab.errors import ConfigError
from doorlab.nn.mlp import mlp


@dataclass(frozen=True)
class KeyValues:
    """Keys and values of the members of sets, followed by those of a learned member."""

    keys: Float[Tensor, "B K N D"]
    values: Float[Tensor, "B K N D"]
    mask: Bool[Tensor, "B 1 1 N"]


class MaskedAttention(nn.Module):
    """Multi-head dot-product attention (Vaswani et al. 2017) to a set plus one learned member.

    The learned member makes attention to an empty set possible. It is also present in other sets,
    for queries that match none of their members.

    Raises:
        ConfigError: if the number of heads does not divide the number of features.
    """

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or features % heads:
            raise ConfigError(
                f"a number of attention heads that divides the {features} features",
                f"{heads}",
                "use another number of attention heads or of hidden features",
            )
        self.heads = heads
        self.to_query = nn.Linear(features, features)
        self.to_key = nn.Linear(features, features)
        self.to_value = nn.Linear(features, features)
        self.null_key = nn.Parameter(0.1 * torch.randn(1, heads, 1, features // heads))
        self.nothing_value = nn.Parameter(0.1 * torch.randn(1, heads, 1, features // heads))
        self.output = nn.Linear(features, features)

    def attended(
        self,
        places: Float[Tensor, "B N F"],
        contents: Float[Tensor, "B N F"],
        mask: Bool[Tensor, "B N"],
    ) -> KeyValues:
        """Projects the members of sets to keys (from `places`) and values (from `contents`)."""
        sets = (mask.shape[0], -1, -1, -1)  # `len` would fix the number of sets in an export
        keys = torch.cat([self._split(self.to_key(places)), self.null_key.expand(sets)], 2)
        values = torch.cat(
            [self._split(self.to_value(contents)), self.nothing_value.expand(sets)], 2
        )
        known = F.pad(mask, (0, 1), value=True)
        return KeyValues(keys, values, known[:, None, None])

    def forward(
        self, queries: Float[Tensor, "B T F"], attended: KeyValues
    ) -> Float[Tensor, "B T F"]:
        """Attends from queries to sets."""
        q = self._split(self.to_query(queries))
        outputs = F.scaled_dot_product_attention(
            q, attended.keys, attended.values, attn_mask=attended.mask
        )
        return self.output(outputs.transpose(1, 2).flatten(2))

    def _split(self, h: Float[Tensor, "B N F"]) -> Float[Tensor, "B K N D"]:
        return h.unflatten(2, (self.heads, -1)).transpose(1, 2)


class TransformerLayer(nn.Module):
    """A transformer layer whose tokens attend to the members of a set, and not to each other.

    Normalization precedes attention and the feedforward network (Xiong et al. 2020). The members
    of the set are tokens of the same layer: tokens that stand for them attend to all of them.

    Raises:
        ConfigError: if the number of heads does not divide the number of features.
    """

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.attention = MaskedAttention(features, heads)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(features), mlp(features, 2 * features, features)
        )

    def attended(self, members: Float[Tensor, "B N F"], mask: Bool[Tensor, "B N"]) -> KeyValues:
        """Keys and values of the members of sets; masked members are ignored."""
        h = self.norm(members)
        return self.attention.attended(h, h, mask)

    def forward(
        self, tokens: Float[Tensor, "B T F"], attended: KeyValues
    ) -> Float[Tensor, "B T F"]:
        """The tokens after attention to the sets and the feedforward network."""
        h = tokens + self.attention(self.norm(tokens), attended)
        return h + self.feedforward(h)
