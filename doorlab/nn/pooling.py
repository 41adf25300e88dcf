"""Pooling of sets, invariant to the order of their members, for any number of members.

Legend: B sets, N members, F features, S statistics, P pooled features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from doorlab.errors import ConfigError, unknown_name


def masked_mean(
    h_BNF: Float[Tensor, "B N F"], mask_BN: Bool[Tensor, "B N"]
) -> Float[Tensor, "B F"]:
    """Mean over the valid members; zeros for a set without valid members."""
    weights = mask_BN.to(h_BNF.dtype)[..., None]
    return (h_BNF * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)


def weighted_mean(
    h_BNF: Float[Tensor, "B N F"], weight_BN: Float[Tensor, "B N"]
) -> Float[Tensor, "B F"]:
    """Mean weighted by numbers >= 0; shrinks to zero as the sum of a set's weights approaches 0."""
    total = weight_BN.sum(dim=1, keepdim=True)
    return torch.einsum("bnf,bn->bf", h_BNF, weight_BN) / (total + 0.1)


def set_size(mask_BN: Bool[Tensor, "B N"]) -> Float[Tensor, "B 1"]:
    """log(1 + number of valid members), which mean pooling discards."""
    return torch.log1p(mask_BN.sum(dim=1, keepdim=True).float())


def mean_pool(
    h_BNF: Float[Tensor, "B N F"], r_BN: Float[Tensor, "B N"], mask_BN: Bool[Tensor, "B N"]
) -> Float[Tensor, "B P"]:
    """The mean over valid members, as in the papers; P = F."""
    return masked_mean(h_BNF, mask_BN)


def success_failure_pool(
    h_BNF: Float[Tensor, "B N F"], r_BN: Float[Tensor, "B N"], mask_BN: Bool[Tensor, "B N"]
) -> Float[Tensor, "B P"]:
    """Means over all members, successes (r near 1) and failures, and the size; P = 3 F + 1.

    In a plain mean, a single success among many failures, the most informative member, nearly
    vanishes.
    """
    worked = weighted_mean(h_BNF, r_BN * mask_BN)
    failed = weighted_mean(h_BNF, (1.0 - r_BN) * mask_BN)
    return torch.cat([masked_mean(h_BNF, mask_BN), worked, failed, set_size(mask_BN)], dim=-1)


def size_plainly(features: int) -> int:
    """P of `mean_pool`."""
    return features


def size_apart(features: int) -> int:
    """P of `success_failure_pool`."""
    return 3 * features + 1


@dataclass(frozen=True)
class Aggregator:
    """A pooling function for interactions, encoded as F features, with rewards r in [0, 1].

    Models store an aggregator as an attribute, so its functions must be picklable.
    """

    pool: Callable[[Tensor, Tensor, Tensor], Tensor]
    size: Callable[[int], int]
    """Maps F to P."""


def aggregator(name: str) -> Aggregator:
    """The aggregator `name` of `AGGREGATORS`. Raises ConfigError for an unknown name."""
    if name not in AGGREGATORS:
        raise unknown_name("aggregator", name, AGGREGATORS)
    return AGGREGATORS[name]


def set_statistics(h_BNF: Float[Tensor, "B N F"], names: Sequence[str]) -> Float[Tensor, "B S"]:
    """Concatenates the statistics in `names`, F features each."""
    return torch.cat([STATISTICS[name](h_BNF) for name in names], dim=-1)


def check_statistics(names: Sequence[str]) -> Sequence[str]:
    """Returns `names`. Raises ConfigError if it is empty or has a name not in `STATISTICS`."""
    if not names:
        raise ConfigError("a statistic of a set", "none", f"name some of {', '.join(STATISTICS)}")
    for name in names:
        if name not in STATISTICS:
            raise unknown_name("statistic of a set", name, STATISTICS)
    return names


def _spread(h_BNF: Float[Tensor, "B N F"]) -> Float[Tensor, "B F"]:
    # The offset keeps the gradient finite where all members are equal, or there is only one.
    return (h_BNF.var(dim=1, correction=0) + 1e-6).sqrt()


STATISTICS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda h_BNF: h_BNF.mean(dim=1),
    "max": lambda h_BNF: h_BNF.amax(dim=1),
    "spread": _spread,
}

AGGREGATORS: dict[str, Aggregator] = {
    "mean": Aggregator(mean_pool, size_plainly),
    "split": Aggregator(success_failure_pool, size_apart),
}
