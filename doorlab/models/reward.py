"""What every reward model shares: its predictions, its view of actions, its loss.

Legend: B doors, M frames, C H W a picture, E embedding, N context and T target interactions,
A = 4 action coordinates, S samples of the interaction latent u.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from doorlab.errors import ConfigError
from doorlab.objectives.rewards import mean_squared_error, sampled_loss

ACTION_FEATURES = 5


@dataclass(frozen=True)
class RewardPrediction:
    """Rewards of actions: mean in [0, 1], standard deviation of what will be observed."""

    mean: Float[Tensor, "B T"]
    std: Float[Tensor, "B T"]


@runtime_checkable
class TriedBatch(Protocol):
    """Interactions with doors: some to learn from, some to predict."""

    ac_BNA: Float[Tensor, "B N A"]
    rc_BN: Float[Tensor, "B N"]
    mask_BN: Bool[Tensor, "B N"]
    at_BTA: Float[Tensor, "B T A"]
    rt_BT: Float[Tensor, "B T"]


@runtime_checkable
class LabelledBatch(TriedBatch, Protocol):
    """The same with frames of the doors."""

    x_BMCHW: Float[Tensor, "B M C H W"]


def action_features(a: Float[Tensor, "*batch A"]) -> Float[Tensor, "*batch 5"]:
    """phi, which is periodic, by its sine and cosine; the other coordinates as they are."""
    phi = math.pi * a[..., :1]
    return torch.cat([phi.sin(), phi.cos(), a[..., 1:]], dim=-1)


class Process(nn.Module):
    """A neural process on embeddings: what was tried, and where, to what it would obtain."""

    has_latent: bool

    @abstractmethod
    def predict(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
    ) -> RewardPrediction:
        """See `RewardModel.predict`."""

    @abstractmethod
    def score(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
        rt: Float[Tensor, "B T"],
    ) -> tuple[Float[Tensor, "S B T"], Float[Tensor, "B T"]]:
        """How well each sample of u predicts each target, and the predicted means."""

    def sample_functions(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B T"]:
        """See `RewardModel.sample_functions`. Processes with a latent define it."""
        raise ConfigError("a process with a latent to sample", type(self).__name__, "use another")


class RewardModel(nn.Module):
    """An embedding of doors and a neural process on it. Children define `embed`."""

    has_latent: bool

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.process = process
        self.has_latent = process.has_latent

    @abstractmethod
    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B E"]:
        """One embedding per door."""

    def predict(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
    ) -> RewardPrediction:
        """Rewards of the actions `at`, given those tried; differentiable in `at`."""
        return self.process.predict(embedding, ac, rc, mask, at)

    def sample_functions(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B T"]:
        """One plausible reward function per door, at `at` (for Thompson sampling)."""
        return self.process.sample_functions(embedding, ac, rc, mask, at, generator)

    def loss(self, batch: LabelledBatch) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Negative score per target interaction, and the squared error."""
        return self.reward_loss(self.embed(batch.x_BMCHW), batch)

    def reward_loss(
        self, embedding: Float[Tensor, "B E"], batch: TriedBatch
    ) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """As `loss`, for doors that are embedded already."""
        score, mean = self.process.score(
            embedding, batch.ac_BNA, batch.rc_BN, batch.mask_BN, batch.at_BTA, batch.rt_BT
        )
        scalars = {"reward_mse": mean_squared_error(mean.detach(), batch.rt_BT)}
        return sampled_loss(score), scalars
