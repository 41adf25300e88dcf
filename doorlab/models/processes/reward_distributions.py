"""What a network's outputs say of rewards: one class per law, all with the same four questions.

`score` is what training maximises. `log_prob` is a log-density with respect to the mixed measure
of `objectives.reward_likelihoods`, the same for all, so that log-likelihoods can be compared.

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
_MOST = 1e3  # of a Beta's parameters: a std of 0.016 halfway between the ends


@dataclass(frozen=True)
class RewardDistribution(ABC):
    """Laws of the rewards of some actions, from the outputs of a network for each."""

    outputs: ClassVar[int]
    """P."""
    raw: Float[Tensor, "*batch T P"]

    @property
    @abstractmethod
    def mean(self) -> Float[Tensor, "*batch T"]:
        """Expected rewards, in [0, 1]."""

    @property
    @abstractmethod
    def std(self) -> Float[Tensor, "*batch T"]:
        """Standard deviations of the law, positive. `RewardPrediction` bounds them."""

    @abstractmethod
    def log_prob(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """Log-densities with respect to the mixed measure, nats."""

    @abstractmethod
    def score(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """What training maximises."""


class PlainGaussian(RewardDistribution):
    """N(mean, std^2), trained by its density on the real line.

    For `log_prob` the ends collect what lies beyond them; the moments are those before that.
    """

    outputs = 2

    @property
    def mean(self) -> Float[Tensor, "*batch T"]:
        """See `RewardDistribution.mean`."""
        # Most actions achieve nothing: the mean starts low.
        return torch.sigmoid(self.raw[..., 0] - 2.0)

    @property
    def std(self) -> Float[Tensor, "*batch T"]:
        """See `RewardDistribution.std`."""
        return _MIN_STD + 0.3 * F.softplus(self.raw[..., 1])

    def log_prob(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """See `RewardDistribution.log_prob`."""
        return reward_likelihoods.censored_gaussian_log_prob(self.mean, self.std, r)

    def score(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """See `RewardDistribution.score`."""
        return reward_likelihoods.gaussian(self.mean, self.std, r)


class SoftBernoulli(PlainGaussian):
    """The same law, trained otherwise: its mean by the Bernoulli likelihood with soft labels."""

    def score(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """See `RewardDistribution.score`."""
        return reward_likelihoods.soft_bernoulli_score(self.mean, self.std, r)


class InflatedBeta(RewardDistribution):
    """0 with one probability, 1 with another, and a Beta without peaks at the ends between them.

    (Ospina & Ferrari 2010.) Trained by its likelihood.
    """

    outputs = 4

    @property
    def parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        """Arguments of `objectives.reward_likelihoods.inflated_beta`."""
        shut, opened, a, b = self.raw.unbind(dim=-1)
        # Most actions achieve nothing: that part starts large.
        parts = torch.stack([shut + 1.0, opened - 2.0, torch.zeros_like(shut)], dim=-1)
        a, b = (1.0 + F.softplus(x).clamp(max=_MOST) for x in (a, b + 1.0))
        return parts.log_softmax(dim=-1), a, b

    @property
    def mean(self) -> Float[Tensor, "*batch T"]:
        """See `RewardDistribution.mean`."""
        return reward_likelihoods.inflated_beta_moments(*self.parameters)[0]

    @property
    def std(self) -> Float[Tensor, "*batch T"]:
        """See `RewardDistribution.std`."""
        return reward_likelihoods.inflated_beta_moments(*self.parameters)[1]

    def log_prob(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """See `RewardDistribution.log_prob`."""
        return reward_likelihoods.inflated_beta(*self.parameters, r)

    def score(self, r: Float[Tensor, "*#batch T"]) -> Float[Tensor, "*batch T"]:
        """See `RewardDistribution.score`."""
        return self.log_prob(r)


HEADS: dict[str, type[RewardDistribution]] = {
    "soft_bernoulli": SoftBernoulli,
    "inflated_beta": InflatedBeta,
    "gaussian": PlainGaussian,
}


def reward_head(name: str) -> type[RewardDistribution]:
    """One of `HEADS`. Raises ConfigError for any other name."""
    if name not in HEADS:
        raise unknown_name("head", name, HEADS)
    return HEADS[name]
