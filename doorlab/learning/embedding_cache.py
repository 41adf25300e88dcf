"""The labelled doors as a trained encoder sees them: looked at once, then remembered.

Legend: L looks, B = D doors, M frames, C H W a picture, E embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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
from doorlab.models.embedding import Encoder
from doorlab.nn.interactions import ContextTargetBatch, RewardBatch
from doorlab.training.loop import generator_for

NUM_VIEWS = 4  # at every door, each with frames of its own
_DOORS_AT_ONCE = 64


@dataclass(frozen=True)
class EmbeddedBatch:
    """Doors that are embedded already, and interactions with them."""

    embedding_BE: Float[Tensor, "B E"]
    tries: ContextTargetBatch


@runtime_checkable
class Embeds(Encoder, Protocol):
    """What is needed of a reward model."""

    training: bool

    def train(self, mode: bool = True, /) -> object:
        """Training or evaluation mode."""
        ...


@torch.no_grad()
def embed_batch(model: Embeds, batch: RewardBatch) -> EmbeddedBatch:
    """Doors as the encoder sees them now, and what was done to them."""
    training = model.training
    model.train(False)
    embedding = model.embed(batch.x_BMCHW)
    model.train(training)
    return EmbeddedBatch(embedding, batch)


class EmbeddingCache:
    """Embeddings of doors, made when they are first asked for: the encoder must not change after.

    They depend on the weights and the seed alone, so that a resumed run remembers the same.
    """

    def __init__(
        self, model: Embeds, doors: DoorData, frames: int, seed: int, mirror: bool
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
        """Random doors, one look at each, and tries; half of them mirrored, if any."""
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
