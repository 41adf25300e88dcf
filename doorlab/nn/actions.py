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
