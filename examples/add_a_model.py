"""Adds an encoder and a reward model to doorlab from your own file.

A spec describes a model: how to build it, and which data its training needs. Commands accept the
import path MODULE:NAME of a spec instead of a model's name. They find modules in the working
directory:

    cd examples
    doorlab generate --out ../runs/few_doors --doors 40 --image-size 32 --simulator torch \
        --test-fraction 0.4
    doorlab pretrain --data ../runs/few_doors --out ../runs/colors --frames 4 \
        --model add_a_model:COLOR_STATISTICS
    doorlab probe --data ../runs/few_doors --models ../runs/colors --out ../runs/colors_probe
    doorlab train --data ../runs/few_doors --out ../runs/max_pool_np --steps 20 --num-labeled 10 \
        --model add_a_model:MAX_POOL_NP
    doorlab bandit --data ../runs/few_doors --doors 8 --out ../runs/max_pool_bandit \
        --models ../runs/max_pool_np --policies random max_pool_np max_pool_np:ucb

Results name a model by the last part of its import path, in lower case. `model.json` contains the
import path: to load a run, the module must be importable.

Legend: B doors, M frames, C H W an image, E embedding, Z embedding of a frame.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.models.encoders.base import FrameEmbeddingEncoder
from doorlab.models.processes.latent_np import LatentNeuralProcess
from doorlab.models.reward.base import RewardModel
from doorlab.models.spec import EncoderSpec, RewardModelSpec
from doorlab.nn.images import FrameEncoder


class ColorStatistics(FrameEmbeddingEncoder):
    """Means and standard deviations of the three color channels, standardized over frames."""

    center: Float[Tensor, " Z"]
    scale: Float[Tensor, " Z"]

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        super().__init__()
        self.embedding_dim = self.instance_dim = 6
        self.register_buffer("center", torch.zeros(6))
        self.register_buffer("scale", torch.ones(6))

    def fit(self, portions: Iterable[Float[Tensor, "_ M C H W"]]) -> None:
        """Computes the mean and the standard deviation of the statistics over all frames."""
        found = torch.cat([self._statistics(x).flatten(0, 1) for x in portions])
        self.center.copy_(found.mean(dim=0))
        self.scale.copy_(found.std(dim=0).clamp(min=1e-6))

    def embed_frames(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        """The standardized statistics of every frame."""
        return (self._statistics(x) - self.center) / self.scale

    def _statistics(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B M Z"]:
        return torch.cat([x.mean(dim=(-2, -1)), x.std(dim=(-2, -1))], dim=-1)


class MaxPoolModel(RewardModel):
    """A neural process on the maximum of each feature over the frames of a door."""

    def __init__(self, image_size: int, architecture: Architecture) -> None:
        a = architecture
        super().__init__(LatentNeuralProcess(a.context_dim, a))
        self.encoder = FrameEncoder(
            image_size, a.encoder_channels, a.features, a.encoder_resolution
        )
        self.to_embedding = nn.Sequential(
            nn.Linear(a.features, a.context_dim), nn.BatchNorm1d(a.context_dim)
        )

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """One embedding per door, from frames in [0, 1]."""
        return self.to_embedding(self.encoder(x).amax(dim=1))


COLOR_STATISTICS = EncoderSpec(ColorStatistics, closed_form=True)
MAX_POOL_NP = RewardModelSpec(MaxPoolModel)
