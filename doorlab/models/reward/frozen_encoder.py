"""A neural process on the frozen embedding of a pretrained model: the semi-supervised baselines.

Legend: B doors, M frames, C H W an image, E embedding.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.models.encoders.base import DoorEncoder
from doorlab.models.processes.base import NeuralProcess
from doorlab.models.reward.base import RewardModel


class FrozenEncoderModel(RewardModel):
    """A neural process on a frozen encoder: only the process is trained."""

    def __init__(self, pretrained: DoorEncoder, process: NeuralProcess) -> None:
        super().__init__(process)
        self.pretrained: DoorEncoder = pretrained.eval().requires_grad_(False)

    @property
    def pretrained_encoder(self) -> DoorEncoder:
        """The frozen encoder."""
        return self.pretrained

    def train(self, mode: bool = True) -> FrozenEncoderModel:
        """Sets the mode as `nn.Module.train` does; the encoder stays in evaluation mode."""
        super().train(mode)
        self.pretrained.eval()
        return self

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """The embedding of the pretrained encoder."""
        with torch.no_grad():
            return self.pretrained.embed(x)
