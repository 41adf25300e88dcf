"""Conditional neural process on a door's embedding (Garnelo et al. 2018a).

What was tried is pooled into one vector u; u and the embedding modulate how an action is read.
The product is what lets "hinge on the left" and "pull to the left" meet: a sum has to learn it as
an exclusive or.

Legend: B doors, E embedding, N context and T target interactions, A = 4 action coordinates,
U interaction latent, S samples (1 here).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from doorlab.models.architecture import Architecture
from doorlab.models.reward import ACTION_FEATURES, Process, RewardPrediction, action_features
from doorlab.nn.initialisation import keep_variance
from doorlab.nn.mlp import mlp
from doorlab.nn.pooling import masked_mean, set_size, weighted_mean
from doorlab.objectives.rewards import reward_score

_MIN_STD = 0.02


class InteractionEncoder(nn.Module):
    """The interactions so far as one vector, whatever their order and number."""

    def __init__(self, embedding_dim: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.pair = keep_variance(nn.Linear(ACTION_FEATURES + 1, hidden))
        self.modulation = mlp(embedding_dim, hidden, 2 * hidden)
        self.read = keep_variance(nn.Sequential(nn.GELU(), nn.Linear(hidden, hidden)))
        self.pooled = keep_variance(mlp(3 * hidden + 1, hidden, outputs))

    def forward(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
    ) -> Float[Tensor, "B U"]:
        """u; interactions that the mask leaves out do not count."""
        # What a failure says depends on the door: it counts where the action should have worked.
        scale, shift = self.modulation(embedding)[:, None].chunk(2, dim=-1)
        pair = self.pair(torch.cat([action_features(ac), rc[..., None]], dim=-1))
        h = self.read(pair * (1.0 + scale) + shift)
        # What worked and what did not, apart: in a plain mean the one success among many failures,
        # which says most, all but vanishes.
        worked = weighted_mean(h, rc * mask)
        failed = weighted_mean(h, (1.0 - rc) * mask)
        pooled = [masked_mean(h, mask), worked, failed, set_size(mask)]
        return self.pooled(torch.cat(pooled, dim=-1))


class RewardDecoder(nn.Module):
    """p(r | a, embedding, u): mean in (0, 1) and standard deviation."""

    def __init__(self, embedding_dim: int, interaction_dim: int, hidden: int) -> None:
        super().__init__()
        self.action = mlp(ACTION_FEATURES, hidden, hidden)
        self.modulation = mlp(embedding_dim + interaction_dim, hidden, 2 * hidden)
        self.output = mlp(hidden, hidden, 2)

    def forward(
        self,
        embedding: Float[Tensor, "*batch E"],
        u: Float[Tensor, "*batch U"],
        at: Float[Tensor, "*batch T A"],
    ) -> tuple[Float[Tensor, "*batch T"], Float[Tensor, "*batch T"]]:
        """Mean and standard deviation of the rewards of `at`."""
        scale, shift = self.modulation(torch.cat([embedding, u], dim=-1)).chunk(2, dim=-1)
        h = self.action(action_features(at)) * scale[..., None, :] + shift[..., None, :]
        mean, spread = self.output(h).unbind(dim=-1)
        # Most actions achieve nothing: the mean starts low.
        return torch.sigmoid(mean - 2.0), _MIN_STD + 0.3 * F.softplus(spread)


class ConditionalProcess(Process):
    """CNP: u is a function of the interactions."""

    has_latent = False

    def __init__(self, embedding_dim: int, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        self.standardise = nn.BatchNorm1d(embedding_dim)
        self.interactions = InteractionEncoder(embedding_dim, a.hidden, a.interaction_dim)
        self.decoder = RewardDecoder(embedding_dim, a.interaction_dim, a.hidden)

    def predict(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
    ) -> RewardPrediction:
        """See `RewardModel.predict`."""
        e = self.standardise(embedding)
        return RewardPrediction(*self.decoder(e, self.interactions(e, ac, rc, mask), at))

    def score(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
        rt: Float[Tensor, "B T"],
    ) -> tuple[Float[Tensor, "S B T"], Float[Tensor, "B T"]]:
        """How well each target is predicted, and the predicted means."""
        prediction = self.predict(embedding, ac, rc, mask, at)
        return reward_score(prediction.mean, prediction.std, rt)[None], prediction.mean
