"""Sets of interactions (actions and rewards) of any size, with masked members.

Legend: B sets, N members, A action coordinates, T query actions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from doorlab.nn.images import to_float


@dataclass(frozen=True)
class InteractionSet:
    """Actions and their rewards, one set per door. N may be 0."""

    actions: Float[Tensor, "B N A"]
    """Normalized actions, in [-1, 1]."""
    rewards: Float[Tensor, "B N"]
    """Rewards, in [0, 1]."""
    mask: Bool[Tensor, "B N"]
    """True for valid members. Masked members may hold any finite numbers."""

    @staticmethod
    def all(actions: Float[Tensor, "B N A"], rewards: Float[Tensor, "B N"]) -> InteractionSet:
        """A set without masked members."""
        return InteractionSet(actions, rewards, torch.ones_like(rewards, dtype=torch.bool))

    @staticmethod
    def nothing(actions: Float[Tensor, "B T A"]) -> InteractionSet:
        """An empty set for every door of the query `actions`."""
        return InteractionSet.all(actions[:, :0], actions[:, :0, 0])

    def first(self, count: int) -> InteractionSet:
        """A copy in which all members after the first `count` of every set are masked."""
        places = torch.arange(self.mask.shape[1], device=self.mask.device)
        return replace(self, mask=self.mask & (places < count))


@dataclass(frozen=True)
class ContextTargetBatch:
    """Interactions with doors, split into a context set and a target set."""

    context: InteractionSet
    """Context set; masked interactions are zeros."""
    at_BTA: Float[Tensor, "B T A"]
    """Actions whose rewards are predicted."""
    rt_BT: Float[Tensor, "B T"]
    """Their rewards."""


@dataclass(frozen=True)
class RewardBatch(ContextTargetBatch):
    """Frames of doors, and interactions with them."""

    x_BMCHW: Float[Tensor, "B M C H W"] | UInt8[Tensor, "B M C H W"]
    """Frames in [0, 1]; until the training step as stored, in a quarter of the memory."""

    def with_float_frames(self) -> RewardBatch:
        """A copy of a batch with stored frames, for a model: the frames are in [0, 1]."""
        return replace(self, x_BMCHW=to_float(self.x_BMCHW))
