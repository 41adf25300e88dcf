"""Mirror symmetry: a mirrored door under a mirrored action earns the same reward.

Flipping a picture left to right puts the hinge on the other side; the same action mirrored has
phi -> pi - phi and turns the handle the other way. Every labelled door counts twice, for free.

Legend: B doors, M frames, C H W a picture, N context and T target interactions, A = 4 coordinates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from doorlab.data.tensors.batches import ContextTargetBatch, RewardBatch

T = TypeVar("T", bound=ContextTargetBatch)


def mirror_actions(a: Float[Tensor, "*batch A"]) -> Float[Tensor, "*batch A"]:
    """Normalised actions as a mirror shows them."""
    phi, radius, swing, turn = a.unbind(dim=-1)
    # In units of pi, with the result in [-1, 1): 1 - phi, wrapped.
    return torch.stack([(2.0 - phi) % 2.0 - 1.0, radius, swing, -turn], dim=-1)


def mirror_frames(
    x: Float[Tensor, "B M C H W"], chosen: Bool[Tensor, " B"]
) -> Float[Tensor, "B M C H W"]:
    """Frames with those of the chosen doors flipped left to right."""
    return torch.where(chosen.view(-1, 1, 1, 1, 1), x.flip(-1), x)


def random_mirror(
    x: Float[Tensor, "B M C H W"], generator: torch.Generator
) -> Float[Tensor, "B M C H W"]:
    """Frames with those of random doors, half of them on average, flipped left to right."""
    chosen = torch.rand(len(x), generator=generator) < 0.5
    return mirror_frames(x, chosen.to(x.device))


def mirror_context_target(tries: T, chosen: Bool[Tensor, " B"]) -> T:
    """What was done to the chosen doors, mirrored."""
    sets = chosen.view(-1, 1, 1)
    context = torch.where(sets, mirror_actions(tries.ac_BNA), tries.ac_BNA)
    return replace(
        tries,
        ac_BNA=context * tries.mask_BN[..., None],  # what does not count stays zero
        at_BTA=torch.where(sets, mirror_actions(tries.at_BTA), tries.at_BTA),
    )


def mirror_interactions(batch: RewardBatch, chosen: Bool[Tensor, " B"]) -> RewardBatch:
    """A batch with the chosen doors, and all that was done to them, mirrored."""
    return replace(
        mirror_context_target(batch, chosen), x_BMCHW=mirror_frames(batch.x_BMCHW, chosen)
    )
