"""Mirror augmentation: a mirrored door under a mirrored action yields the same reward.

Flipping an image left to right moves the hinge to the other side. The mirrored action has
phi -> pi - phi and the opposite handle rotation. Every labeled door thus counts twice at no cost.

Legend: B doors, M frames, C H W an image, N context and T target interactions, A = 4 coordinates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias, TypeVar

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from doorlab.nn.context_sets import ContextTargetBatch, RewardBatch

T = TypeVar("T", bound=ContextTargetBatch)
Frames: TypeAlias = Float[Tensor, "B M C H W"] | UInt8[Tensor, "B M C H W"]  # in [0, 1]; as stored


def mirror_actions(a: Float[Tensor, "*batch A"]) -> Float[Tensor, "*batch A"]:
    """Mirrors normalized actions left to right."""
    phi, radius, swing, turn = a.unbind(dim=-1)
    # In units of pi, with the result in [-1, 1): 1 - phi, wrapped.
    return torch.stack([(2.0 - phi) % 2.0 - 1.0, radius, swing, -turn], dim=-1)


def mirror_frames(x: Frames, chosen: Bool[Tensor, " B"]) -> Frames:
    """Flips the frames of the chosen doors left to right."""
    return torch.where(chosen.view(-1, 1, 1, 1, 1), x.flip(-1), x)


def random_mirror(x: Frames, generator: torch.Generator) -> Frames:
    """Flips the frames of random doors (half of them on average) left to right."""
    chosen = torch.rand(len(x), generator=generator) < 0.5
    return mirror_frames(x, chosen.to(x.device))


def mirror_context_target(batch: T, chosen: Bool[Tensor, " B"]) -> T:
    """Mirrors the actions of the chosen doors."""
    sets = chosen.view(-1, 1, 1)
    context = batch.context
    actions = torch.where(sets, mirror_actions(context.actions), context.actions)
    actions = actions * context.mask[..., None]  # masked actions stay zero
    return replace(
        batch,
        context=replace(context, actions=actions),
        at_BTA=torch.where(sets, mirror_actions(batch.at_BTA), batch.at_BTA),
    )


def mirror_interactions(batch: RewardBatch, chosen: Bool[Tensor, " B"]) -> RewardBatch:
    """Mirrors the frames and actions of the chosen doors in a batch."""
    return replace(
        mirror_context_target(batch, chosen), x_BMCHW=mirror_frames(batch.x_BMCHW, chosen)
    )
