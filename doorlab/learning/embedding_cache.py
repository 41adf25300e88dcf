"""Embeddings of the labelled doors by the trained encoder, computed once.

Legend: L views of a door, B = D doors, M frames, C H W an image, E embedding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.data.tensors.augmentation import mirror_context_target, mirror_frames
from doorlab.data.tensors.batches import (
    DoorData,
    sample_door_indices,
    sample_frames_of,
    sample_tries,
)
from doorlab.models.reward.base import RewardModel
from doorlab.nn.interactions import ContextTargetBatch, RewardBatch
from doorlab.training.loop import generator_for

NUM_VIEWS = 4  # embeddings per door, each of other frames
_DOORS_AT_ONCE = 64


@dataclass(frozen=True)
class EmbeddedBatch:
    """Embeddings of doors, and interactions with them."""

    embedding_BE: Float[Tensor, "B E"]
    tries: ContextTargetBatch


@torch.no_grad()
def embed_batch(model: RewardModel, batch: RewardBatch) -> EmbeddedBatch:
    """Embeds the doors of a batch with the present weights of the encoder."""
    training = model.training
    model.train(False)
    embedding = model.embed(batch.x_BMCHW)
    model.train(training)
    return EmbeddedBatch(embedding, batch)


class EmbeddingCache:
    """Embeddings of doors, computed at the first use. The encoder must not change after that.

    The embeddings depend on the weights and the seed only, so that a resumed run has the same.
    """

    def __init__(
        self, model: RewardModel, doors: DoorData, frames: int, seed: int, mirror: bool
    ) -> None:
        self._model, self._doors, self._frames, self._seed = model, doors, frames, seed
        self._mirrored = (False, True) if mirror else (False,)
        self._looks: list[Float[Tensor, "L D E"]] | None = None  # as they are, and mirrored

    def sample(
        self,
        batch: int,
        generator: torch.Generator,
        context: int,
        targets: int,
        empty_context_prob: float,
    ) -> EmbeddedBatch:
        """Random doors, one view of each, and interactions; random doors are mirrored."""
        if self._looks is None:
            self._looks = [self._build(mirrored) for mirrored in self._mirrored]
        rows = sample_door_indices(self._doors, batch, generator)
        tries = sample_tries(self._doors, rows, generator, context, targets, empty_context_prob)
        look = torch.randint(NUM_VIEWS, (batch,), generator=generator)
        chosen = torch.rand(batch, generator=generator) < 0.5 * (len(self._looks) > 1)
        device = self._looks[0].device
        rows, look, chosen = rows.to(device), look.to(device), chosen.to(device)
        embedding = torch.where(
            chosen[:, None], self._looks[-1][look, rows], self._looks[0][look, rows]
        )
        return EmbeddedBatch(embedding, mirror_context_target(tries, chosen))

    @torch.no_grad()
    def _build(self, mirrored: bool) -> Float[Tensor, "L D E"]:
        training = self._model.training
        self._model.train(False)
        looks = [self._embed_view(number, mirrored) for number in range(NUM_VIEWS)]
        self._model.train(training)
        return torch.stack(looks)

    def _embed_view(self, number: int, mirrored: bool) -> Float[Tensor, "D E"]:
        generator, found = generator_for(self._seed, "look", number), []
        for rows in torch.arange(len(self._doors)).split(_DOORS_AT_ONCE):
            frames = sample_frames_of(self._doors, rows, self._frames, generator)
            chosen = torch.full((len(rows),), mirrored, device=frames.device)
            found.append(self._model.embed(mirror_frames(frames, chosen)))
        return torch.cat(found)
