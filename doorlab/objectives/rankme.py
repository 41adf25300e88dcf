"""RankMe: the effective rank of embeddings.

Garrido et al. 2023, "RankMe: assessing the downstream performance of pretrained self-supervised
representations by their rank".

Legend: D doors, E embedding size.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

EPSILON = 1e-7  # of the paper, for embeddings in float32


def rankme(embeddings: Float[Tensor, "D E"], epsilon: float = EPSILON) -> float:
    """The exponential of the entropy of the normalized singular values of embeddings.

    The value is 1 for embeddings on one line through the origin, and min(D, E) for singular values
    that are all equal. Embeddings are not centered, as in the paper. D is 1 or more.

    Args:
        embeddings: one row per door.
        epsilon: added to every normalized singular value, which avoids log(0).

    Returns:
        The effective rank; NaN if an embedding is not finite.
    """
    if not embeddings.isfinite().all():  # the decomposition raises errors for such values
        return float("nan")
    values = torch.linalg.svdvals(embeddings.double())
    total = values.sum()
    shares = (values / total if total > 0 else values) + epsilon
    return float((-(shares * shares.log()).sum()).exp())
