"""Semi-supervised neural process: rewards and images learned jointly (Liu et al. 2024).

A statistician learns the context c from the frames of all doors; a neural process
q(u | {(a, r)}, c), p(r | a, c, u) learns from the interactions of labelled ones. Both losses shape
the encoder of c.

Legend: B labelled doors, U unlabelled doors, M frames, C H W an image, E embedding.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.processes.base import NeuralProcess
from doorlab.models.reward.base import RewardModel
from doorlab.nn.interactions import RewardBatch


class SSNP(RewardModel):
    """The context learner and the process on it."""

    def __init__(
        self,
        image_size: int,
        architecture: Architecture,
        process: NeuralProcess,
        learner: type[NeuralStatistician] = NeuralStatistician,
    ) -> None:
        super().__init__(process)
        self.weight = architecture.reconstruction_weight
        self.statistician = learner(image_size, architecture)
        # c is small at first, and its dimensions differ: without this, rewards shape it slowly.
        self.standardize = nn.BatchNorm1d(architecture.context_dim)

    @property
    def pretrained_encoder(self) -> NeuralStatistician:
        """The context learner."""
        return self.statistician

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """Mean of q(c | x_1..M), in units of its spread."""
        return self.standardize(self.statistician.embed(x))

    def joint_loss(
        self, batch: RewardBatch, unlabelled: Float[Tensor, "U M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative reward score per target + weight * negative ELBO per pixel.

        Args:
            batch: labelled doors.
            unlabelled: frames of any doors, labelled or not.
        """
        embedding = self.embed(batch.x_BMCHW)
        reward, scalars = self.reward_loss(embedding, batch)
        elbo_loss, more = self.statistician.loss(unlabelled)
        return reward + self.weight * elbo_loss, {**scalars, **more, "reward_loss": reward.detach()}
