"""Features of actions, the inputs of networks and Gaussian processes."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

ACTION_FEATURES = 5


def action_features(actions: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 5"]:
    """Replaces phi, which is periodic, by its sine and cosine; other coordinates are unchanged."""
    phi = math.pi * actions[..., :1]
    return torch.cat([phi.sin(), phi.cos(), actions[..., 1:]], dim=-1)


def distinct_actions(actions: Float[Tensor, "B T 4"]) -> Float[Tensor, "_ T 4"]:
    """The actions of the first door if `expand` repeated them for all doors; else all actions.

    Features of the result broadcast over the doors: they are computed once instead of B times.
    Actions with gradients are returned whole, because each door has its own gradient.
    """
    # Strides, and not `len`, which would fix the number of doors in an export.
    repeated = actions.stride(0) == 0 and not actions.requires_grad
    return actions[:1] if repeated else actions
