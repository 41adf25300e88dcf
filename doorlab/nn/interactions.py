"""What was tried so far, and what it obtained: sets of any size, some of whose members count.

Legend: B sets, N members, A action coordinates, T actions asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class InteractionSet:
    """Actions and their rewards, one set per door. N may be 0."""

    actions: Float[Tensor, "B N A"]
    """Normalised, in [-1, 1]."""
    rewards: Float[Tensor, "B N"]
    """In [0, 1]."""
    mask: Bool[Tensor, "B N"]
    """Which of them count. The others may be any finite numbers."""

    @staticmethod
    def all(actions: Float[Tensor, "B N A"], rewards: Float[Tensor, "B N"]) -> InteractionSet:
        """Interactions that all count."""
        return InteractionSet(actions, rewards, torch.ones_like(rewards, dtype=torch.bool))

    @staticmethod
    def nothing(actions: Float[Tensor, "B T A"]) -> InteractionSet:
        """No interaction yet with any of the doors that are asked about by `actions`."""
        return InteractionSet.all(actions[:, :0], actions[:, :0, 0])

    def first(self, count: int) -> InteractionSet:
        """The same with none after the first `count` of every set."""
        places = torch.arange(self.mask.shape[1], device=self.mask.device)
        return replace(self, mask=self.mask & (places < count))
