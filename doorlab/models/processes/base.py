"""What every neural process shares: how it is asked, and what it answers.

Asking has two parts. `condition` takes in what was tried on a door, once; `decode` says what
actions would obtain, as often as somebody searches among them.

Legend: E embedding, B doors, N context and T target interactions, A = 4 action coordinates,
S samples of the interaction latent u.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from doorlab.errors import ConfigError
from doorlab.models.processes.reward_distributions import RewardDistribution
from doorlab.nn.interactions import InteractionSet
from doorlab.nn.whitening import Whitening
from doorlab.objectives.reward_likelihoods import possible_variance, sample_mean

State = TypeVar("State")


@dataclass(frozen=True)
class RewardPrediction:
    """Rewards of actions: the mixture of the laws of S samples of u, all equally likely.

    `law` has the batch S, B, T.
    """

    law: RewardDistribution

    @cached_property
    def mean(self) -> Float[Tensor, "B T"]:
        """Expected rewards, in [0, 1]."""
        return self.law.mean.mean(dim=0)

    @cached_property
    def std(self) -> Float[Tensor, "B T"]:
        """Standard deviations of what will be observed: what is not known, and what is noise.

        At most sqrt(mean (1 - mean)), which no reward in [0, 1] can exceed: every law of the
        mixture is bounded, and so is the mixture.
        """
        means = self.law.mean
        noise = possible_variance(means, self.law.std.square())
        spread = (means - self.mean).square()
        return (noise + spread).mean(dim=0).sqrt()

    def log_prob(self, r: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
        """Log-density of each reward alone, by the measure of `objectives.reward_likelihoods`."""
        return sample_mean(self.law.log_prob(r))


class NeuralProcess(nn.Module, Generic[State]):
    """A neural process on embeddings: what was tried, and where, to what it would obtain."""

    has_latent: bool
    whiten: Whitening

    @abstractmethod
    def condition(self, embedding: Float[Tensor, "B E"], tried: InteractionSet) -> State:
        """What is known of doors: all that `predictive` needs but the actions."""

    def imagine(self, embedding: Float[Tensor, "B E"], tried: InteractionSet) -> State:
        """The same with fresh samples of u, if there is one: for training."""
        return self.condition(embedding, tried)

    def draw(self, state: State, generator: torch.Generator | None = None) -> State:
        """One sample of what is not known yet. Raises ConfigError for processes without a latent.

        The same for the same state of the generator, which lies on the device of the model.
        """
        raise ConfigError("a process with a latent to sample", type(self).__name__, "use another")

    @abstractmethod
    def predictive(self, state: State, actions: Float[Tensor, "B T A"]) -> RewardDistribution:
        """The law of the reward of each action under each sample of u: its batch is S, B, T."""

    def decode(self, state: State, actions: Float[Tensor, "B T A"]) -> RewardPrediction:
        """Rewards of actions; differentiable in them."""
        return RewardPrediction(self.predictive(state, actions))

    def predict(
        self,
        embedding: Float[Tensor, "B E"],
        tried: InteractionSet,
        actions: Float[Tensor, "B T A"],
    ) -> RewardPrediction:
        """`decode` after `condition`."""
        return self.decode(self.condition(embedding, tried), actions)

    def sample_functions(
        self,
        embedding: Float[Tensor, "B E"],
        tried: InteractionSet,
        actions: Float[Tensor, "B T A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B T"]:
        """One plausible reward function per door, at `actions`. Raises ConfigError as `draw`."""
        state = self.draw(self.condition(embedding, tried), generator)
        return self.decode(state, actions).mean

    def score(
        self,
        embedding: Float[Tensor, "B E"],
        tried: InteractionSet,
        actions: Float[Tensor, "B T A"],
        rewards: Float[Tensor, "B T"],
    ) -> tuple[Float[Tensor, "S B T"], Float[Tensor, "B T"]]:
        """How well each sample of u predicts each target, and the predicted means."""
        law = self.predictive(self.imagine(embedding, tried), actions)
        return law.score(rewards), law.mean.mean(dim=0)
