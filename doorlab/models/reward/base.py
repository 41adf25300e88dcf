"""Base class of reward models: an encoder, a neural process on its embeddings, and a loss.

Legend: B doors, M frames, C H W an image, E embedding, N context and T target interactions,
A = 4 action coordinates.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.encoders.base import DoorEncoder
from doorlab.models.processes.base import NeuralProcess, RewardPrediction
from doorlab.nn.context_sets import ContextTargetBatch, InteractionSet, RewardBatch
from doorlab.objectives.reward_likelihoods import mean_squared_error, sampled_loss


class RewardModel(nn.Module):
    """An encoder and a neural process on its embeddings. Subclasses define `embed`.

    A policy calls `embed` once per door, `condition` once per interaction, and `decode` at every
    step of the action search. `predict` and `predict_from_frames` combine these calls.
    """

    has_latent: bool

    def __init__(self, process: NeuralProcess[Any]) -> None:
        super().__init__()
        self.process = process
        self.has_latent = process.has_latent

    @property
    def pretrained_encoder(self) -> DoorEncoder | None:
        """The module that is initialized from a pretrained encoder; None if there is none."""
        return None

    def set_encoder(self, other: RewardModel) -> None:
        """Copies all weights of a model of the same kind and sizes, except those of its process."""
        weights = {k: v for k, v in other.state_dict().items() if not k.startswith("process.")}
        self.load_state_dict(self.state_dict() | weights)

    @abstractmethod
    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """One embedding per door, from frames in [0, 1]."""

    def condition(self, embedding: Float[Tensor, "B E"], context: InteractionSet) -> Any:
        """Encodes embeddings and context sets as a state for `decode` and `draw`."""
        return self.process.condition(embedding, context)

    def draw(self, state: Any, generator: torch.Generator | None = None) -> Any:
        """A state with one sample of the interaction latent per door, for Thompson sampling.

        The sample depends only on the state of the generator, which must be on the device of the
        model. Raises ConfigError for models without a latent.
        """
        return self.process.draw(state, generator)

    def decode(self, state: Any, actions: Float[Tensor, "B T A"]) -> RewardPrediction:
        """Predicts the rewards of actions; differentiable with respect to the actions."""
        return self.process.decode(state, actions)

    def predict(
        self,
        embedding: Float[Tensor, "B E"],
        context: InteractionSet,
        actions: Float[Tensor, "B T A"],
    ) -> RewardPrediction:
        """Predicts the rewards of actions: `condition` followed by `decode`."""
        return self.process.predict(embedding, context, actions)

    def predict_from_frames(
        self,
        x: Float[Tensor, "B M C H W"],
        context: InteractionSet,
        actions: Float[Tensor, "B T A"],
    ) -> RewardPrediction:
        """Predicts the rewards of actions from frames: `embed` followed by `predict`."""
        return self.predict(self.embed(x), context, actions)

    def sample_functions(
        self,
        embedding: Float[Tensor, "B E"],
        context: InteractionSet,
        actions: Float[Tensor, "B T A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B T"]:
        """Values of one sampled reward function per door at `actions`: `draw`, then `decode`."""
        return self.process.sample_functions(embedding, context, actions, generator)

    def loss(self, batch: RewardBatch) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative score per target interaction, and the squared error."""
        return self.reward_loss(self.embed(batch.x_BMCHW), batch)

    def reward_loss(
        self, embedding: Float[Tensor, "B E"], batch: ContextTargetBatch
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """The loss for given embeddings of the doors; see `loss`."""
        score, mean = self.process.score(embedding, batch.context, batch.at_BTA, batch.rt_BT)
        scalars = {"reward_mse": mean_squared_error(mean.detach(), batch.rt_BT)}
        return sampled_loss(score), scalars
