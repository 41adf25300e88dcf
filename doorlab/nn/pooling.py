"""Pooling sets, whatever the order and the number of their members.

Legend: B sets, N members, F features.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def masked_mean(
    h_BNF: Float[Tensor, "B N F"], mask_BN: Bool[Tensor, "B N"]
) -> Float[Tensor, "B F"]:
    """Mean over the members that count; zeros for a set where none does."""
    weights = mask_BN.to(h_BNF.dtype)[..., None]
    return (h_BNF * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)


def weighted_mean(
    h_BNF: Float[Tensor, "B N F"], weight_BN: Float[Tensor, "B N"]
) -> Float[Tensor, "B F"]:
    """Mean weighted by numbers >= 0; shrinks to zeros as the weights of a set sum to nothing."""
    total = weight_BN.sum(dim=1, keepdim=True)
    return torch.einsum("bnf,bn->bf", h_BNF, weight_BN) / (total + 0.1)


def set_size(mask_BN: Bool[Tensor, "B N"]) -> Float[Tensor, "B 1"]:
    """log(1 + members that count), which pooling by the mean forgets."""
    return torch.log1p(mask_BN.sum(dim=1, keepdim=True).float())
