"""Interface of neural processes.

Prediction has two steps: `condition` encodes the context set once; `decode` then predicts the
rewards of any number of candidate actions.

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
from doorlab.nn.context_sets import InteractionSet
from doorlab.nn.whitening import Whitening
from doorlab.objectives.reward_likelihoods import possible_variance, sample_mean

State = TypeVar("State")


@dataclass(frozen=True)
class RewardPrediction:
    """Predicted rewards of actions: an equally weighted mixture over S samples of u.

    `law` holds the reward distributions under each sample; its batch is S, B, T.
    """

    law: RewardDistribution

    @cached_property
    def mean(self) -> Float[Tensor, "B T"]:
        """Expected rewards, in [0, 1]."""
        return self.law.mean.mean(dim=0)

    @cached_property
    def std(self) -> Float[Tensor, "B T"]:
        """Standard deviations of the rewards: epistemic uncertainty (over u) and noise.

        They are at most sqrt(mean (1 - mean)), the bound for rewards in [0, 1]: the bound is
        applied to each component of the mixture, and therefore holds for the mixture.
        """
        means = self.law.mean
        noise = possible_variance(means, self.law.std.square())
        spread = (means - self.mean).square()
        return (noise + spread).mean(dim=0).sqrt()

    def log_prob(self, r: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
        """Marginal log-density of each reward (measure of `objectives.reward_likelihoods`)."""
        return sample_mean(self.law.log_prob(r))


class NeuralProcess(nn.Module, Generic[State]):
    """Base class of neural processes, which predict rewards from an embedding and a context set."""

    has_latent: bool
    """Whether the process has an interaction latent u to sample."""
    whiten: Whitening
    """Whitening of the embeddings."""

    @abstractmethod
    def condition(self, embedding: Float[Tensor, "B E"], context: InteractionSet) -> State:
        """Encodes embeddings and context sets into the state that `predictive` needs."""

    def imagine(self, embedding: Float[Tensor, "B E"], context: InteractionSet) -> State:
        """`condition` with random samples of u, if the process has u; used in training."""
        return self.condition(embedding, context)

    def draw(self, state: State, generator: torch.Generator | None = None) -> State:
        """Samples u once: a state with one plausible reward function per door.

        The sample depends only on the state of the generator, which must be on the device of the
        model.

        Raises ConfigError for processes without a latent.
        """
        raise ConfigError("a process with a latent to sample", type(self).__name__, "use another")

    @abstractmethod
    def predictive(self, state: State, actions: Float[Tensor, "B T A"]) -> RewardDistribution:
        """Reward distribution of each action under each sample of u; its batch is S, B, T."""

    def decode(self, state: State, actions: Float[Tensor, "B T A"]) -> RewardPrediction:
        """Predicts the rewards of actions; differentiable with respect to the actions."""
        return RewardPrediction(self.predictive(state, actions))

    def predict(
        self,
        embedding: Float[Tensor, "B E"],
        context: InteractionSet,
        actions: Float[Tensor, "B T A"],
    ) -> RewardPrediction:
        """Predicts the rewards of actions: `condition` followed by `decode`."""
        return self.decode(self.condition(embedding, context), actions)

    def sample_functions(
        self,
        embedding: Float[Tensor, "B E"],
        context: InteractionSet,
        actions: Float[Tensor, "B T A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B T"]:
        """Values of one sampled reward function per door, at `actions`.

        Raises ConfigError for processes without a latent.
        """
        state = self.draw(self.condition(embedding, context), generator)
        return self.decode(state, actions).mean

    def score(
        self,
        embedding: Float[Tensor, "B E"],
        context: InteractionSet,
        actions: Float[Tensor, "B T A"],
        rewards: Float[Tensor, "B T"],
    ) -> tuple[Float[Tensor, "S B T"], Float[Tensor, "B T"]]:
        """Training score of each target reward under each sample of u, and predicted means."""
        law = self.predictive(self.imagine(embedding, context), actions)
        return law.score(rewards), law.mean.mean(dim=0)
