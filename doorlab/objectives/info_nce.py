"""Contrastive losses (InfoNCE): identify the set of frames that shows the same door.

Legend: B doors, M frames, E context latent, Z instance latent.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def info_nce(
    a: Float[Tensor, "B E"], b: Float[Tensor, "B E"], sharpness: Float[Tensor, ""]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """InfoNCE in both directions (van den Oord et al. 2018, eq. 4; Radford et al. 2021, figure 3).

    Args:
        a: contexts of doors, from some of their frames.
        b: contexts of the same doors, in the same order, from other frames.
        sharpness: inverse temperature, the factor of the cosines.

    Returns:
        The mean cross-entropy of identifying a door among the B, nats (log B at chance level), and
        the fraction of doors identified.
    """
    scores = sharpness * F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T
    right = torch.arange(len(a), device=a.device)
    loss = 0.5 * (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right))
    return loss, (scores.argmax(dim=1) == right).float().mean()


def frame_contrast(
    z: Float[Tensor, "B M Z"], other: Float[Tensor, "B M Z"], sharpness: Float[Tensor, ""]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """InfoNCE by distance among the frames of each door: identify the same frame, transformed.

    Features that differ between doors do not help, since all candidates show the same door.

    Args:
        z: states of frames.
        other: states of transformed versions of the same frames, in the same order.
        sharpness: factor of the squared distances.

    Returns:
        The mean cross-entropy, nats (log M at chance level), and the fraction of frames identified.
    """
    scores = -sharpness * (z[:, :, None] - other[:, None]).square().sum(dim=-1)  # (B, M, M)
    right = torch.arange(z.shape[1], device=z.device).repeat(len(z))
    there, back = scores.flatten(0, 1), scores.mT.flatten(0, 1)
    loss = 0.5 * (F.cross_entropy(there, right) + F.cross_entropy(back, right))
    return loss, (there.argmax(dim=1) == right).float().mean()
