"""Attention from queries to a set whose members may not count, and which may be empty.

Legend: B sets, N members, T queries, F features; K heads, D = F / K features of a head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from doorlab.errors import ConfigError


@dataclass(frozen=True)
class KeyValues:
    """What can be attended to: the members of a set, and after them a learned one."""

    keys: Float[Tensor, "B K N D"]
    values: Float[Tensor, "B K N D"]
    mask: Bool[Tensor, "B 1 1 N"]


class MaskedAttention(nn.Module):
    """Multi-head dot-product attention (Vaswani et al. 2017) to a set and one learned member more.

    The learned member is what there is to attend to in an empty set. It stays when the set fills:
    a query that is like none of the others still has somewhere to go.

    Raises:
        ConfigError: when the heads do not divide the features.
    """

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or features % heads:
            raise ConfigError(
                f"attention heads that divide the {features} features",
                f"{heads}",
                "correct --architecture.attention-heads or --architecture.hidden",
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
        """The members of sets, by where they are found and what they hold."""
        sets = (len(mask), -1, -1, -1)
        keys = torch.cat([self._split(self.to_key(places)), self.null_key.expand(sets)], 2)
        values = torch.cat(
            [self._split(self.to_value(contents)), self.nothing_value.expand(sets)], 2
        )
        known = F.pad(mask, (0, 1), value=True)
        return KeyValues(keys, values, known[:, None, None])

    def forward(
        self, queries: Float[Tensor, "B T F"], attended: KeyValues
    ) -> Float[Tensor, "B T F"]:
        """What queries find in sets."""
        q = self._split(self.to_query(queries))
        found = F.scaled_dot_product_attention(
            q, attended.keys, attended.values, attn_mask=attended.mask
        )
        return self.output(found.transpose(1, 2).flatten(2))

    def _split(self, h: Float[Tensor, "B N F"]) -> Float[Tensor, "B K N D"]:
        return h.unflatten(2, (self.heads, -1)).transpose(1, 2)
