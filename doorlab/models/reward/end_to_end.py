"""Neural process on images, trained end to end on labeled doors only: the supervised baseline.

Legend: B doors, M frames, C H W an image, E embedding.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.models.processes.base import NeuralProcess
from doorlab.models.reward.base import RewardModel
from doorlab.nn.images import FrameEncoder
from doorlab.nn.initialization import kaiming_init_


class EndToEnd(RewardModel):
    """A neural process on the encoder of the statistician, without its decoder."""

    def __init__(self, image_size: int, architecture: Architecture, process: NeuralProcess) -> None:
        super().__init__(process)
        a = architecture
        self.encoder = FrameEncoder(
            image_size, a.encoder_channels, a.features, a.encoder_resolution
        )
        f = a.features
        self.frame_statistic = kaiming_init_(nn.Sequential(nn.SiLU(), nn.Linear(f, f), nn.SiLU()))
        self.to_embedding = nn.Sequential(
            nn.Linear(a.features, a.context_dim), nn.BatchNorm1d(a.context_dim)
        )

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """The mean over frames, followed by a linear layer and batch normalization."""
        return self.to_embedding(self.frame_statistic(self.encoder(x)).mean(dim=1))
