"""Reward distributions parameterized by the outputs of a network, with a common interface.

Training maximizes `score`. `log_prob` is the log-density with respect to the mixed measure of
`objectives.reward_likelihoods`. All distributions use the same measure, so that their
log-likelihoods are comparable.

Legend: *batch any leading axes, T actions, P outputs per action.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from doorlab.errors import unknown_name
from doorlab.objectives import reward_likelihoods

_MIN_STD = 0.02
_MOST = 1e3  # largest parameter of a Beta; its std is then 0.016 at mean 0.5


@dataclass(frozen=True)
class RewardDistribution(ABC):
    """Base class: distributions of the rewards of actions, from network outputs per action."""

    outputs: ClassVar[int]
    """Number P of network outputs per action."""
    raw: Float[Tensor, "*batch T P"]
    """Network outputs."""

    @property
    @abstractmethod
    def mean(self) -> Float[Tensor, "*batch T"]:
        """Expected rewards, in [0, 1]."""

    @property
    @abstractmethod
    def std(self) -> Float[Tensor, "*batch T"]:
        """Standard deviations, positive; not bounded here, but in `RewardPrediction.std`."""

    @abstractmethod
    def log_prob(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """Log-densities with respect to the mixed measure, nats."""

    @abstractmethod
    def score(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """The objective per reward that training maximizes."""


class PlainGaussian(RewardDistribution):
    """N(mean, std^2), trained by its density on the real line.

    `log_prob` uses the normal censored to [0, 1]: the probability beyond an end is assigned to that
    end. `mean` and `std` are those of the uncensored normal.
    """

    outputs = 2

    @property
    def mean(self) -> Float[Tensor, "*batch T"]:
        """Expected rewards, in [0, 1]."""
        # Most actions do not open the door: the initial mean is low.
        return torch.sigmoid(self.raw[..., 0] - 2.0)

    @property
    def std(self) -> Float[Tensor, "*batch T"]:
        """Standard deviations, positive."""
        return _MIN_STD + 0.3 * F.softplus(self.raw[..., 1])

    def log_prob(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """Log-densities with respect to the mixed measure, nats."""
        return reward_likelihoods.censored_gaussian_log_prob(self.mean, self.std, r)

    def score(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """The objective per reward that training maximizes."""
        return reward_likelihoods.gaussian(self.mean, self.std, r)


class SoftBernoulli(PlainGaussian):
    """N(mean, std^2) whose mean is trained by the Bernoulli likelihood with soft labels."""

    def score(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """The objective per reward that training maximizes."""
        return reward_likelihoods.soft_bernoulli_score(self.mean, self.std, r)


class InflatedBeta(RewardDistribution):
    """Zero-one-inflated Beta distribution (Ospina & Ferrari 2010), trained by its likelihood.

    The distribution has point masses at 0 and 1, and a Beta component without peaks at the ends.
    """

    outputs = 4

    @property
    def parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        """Arguments of `objectives.reward_likelihoods.inflated_beta`."""
        closed, opened, a, b = self.raw.unbind(dim=-1)
        # Most actions do not open the door: the initial point mass at 0 is large.
        parts = torch.stack([closed + 1.0, opened - 2.0, torch.zeros_like(closed)], dim=-1)
        a, b = (1.0 + F.softplus(x).clamp(max=_MOST) for x in (a, b + 1.0))
        return parts.log_softmax(dim=-1), a, b

    @property
    def mean(self) -> Float[Tensor, "*batch T"]:
        """Expected rewards, in [0, 1]."""
        return reward_likelihoods.inflated_beta_moments(*self.parameters)[0]

    @property
    def std(self) -> Float[Tensor, "*batch T"]:
        """Standard deviations, positive."""
        return reward_likelihoods.inflated_beta_moments(*self.parameters)[1]

    def log_prob(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """Log-densities with respect to the mixed measure, nats."""
        return reward_likelihoods.inflated_beta(*self.parameters, r)

    def score(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """The objective per reward that training maximizes."""
        return self.log_prob(r)


HEADS: dict[str, type[RewardDistribution]] = {
    "soft_bernoulli": SoftBernoulli,
    "inflated_beta": InflatedBeta,
    "gaussian": PlainGaussian,
}


def distribution_of(
    head: type[RewardDistribution], raw: Float[Tensor, "*batch T P"]
) -> RewardDistribution:
    """The reward distributions with the network outputs `raw`; in float32 for outputs in bfloat16.

    The distributions compute logarithms, for which the precision of bfloat16 is too low.
    """
    return head(raw.float() if raw.dtype == torch.bfloat16 else raw)


def reward_head(name: str) -> type[RewardDistribution]:
    """The reward distribution with a name in `HEADS`. Raises ConfigError for other names."""
    if name not in HEADS:
        raise unknown_name("head", name, HEADS)
    return HEADS[name]
