"""Semi-supervised neural process: rewards and images learned jointly (Liu et al. 2024).

A statistician is trained on the frames of all doors; a neural process q(u | {(a, r)}, c),
p(r | a, c, u) is trained on the interactions with labeled doors. Both losses train the encoder of
the context latent c.

Legend: B labeled doors, U unlabeled doors, M frames, C H W an image, E embedding.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.processes.base import NeuralProcess
from doorlab.models.reward.base import RewardModel
from doorlab.nn.context_sets import RewardBatch


class SSNP(RewardModel):
    """A statistician and a neural process on its context latent."""

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
        # c is small at first, and its dimensions differ in scale: without this normalization, the
        # reward loss changes the encoder slowly.
        self.standardize = nn.BatchNorm1d(architecture.context_dim)

    @property
    def pretrained_encoder(self) -> NeuralStatistician:
        """The statistician."""
        return self.statistician

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """Mean of q(c | x_1..M), after batch normalization."""
        return self.standardize(self.statistician.embed(x))

    def joint_loss(
        self, batch: RewardBatch, unlabeled: Float[Tensor, "U M C H W"]
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative reward score per target + weight * negative ELBO per pixel.

        Args:
            batch: labeled doors.
            unlabeled: frames of any doors, labeled or not.
        """
        embedding = self.embed(batch.x_BMCHW)
        reward, scalars = self.reward_loss(embedding, batch)
        elbo_loss, more = self.statistician.loss(unlabeled)
        return reward + self.weight * elbo_loss, {**scalars, **more, "reward_loss": reward.detach()}
