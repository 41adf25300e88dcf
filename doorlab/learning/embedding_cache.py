"""Embeddings of the labeled doors by the trained encoder, computed once.

Legend: V views of a door, B = D doors, M frames, C H W an image, E embedding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from doorlab.data.tensors.augmentation import mirror_context_target, mirror_frames
from doorlab.data.tensors.batches import (
    DoorData,
    sample_context_target,
    sample_door_indices,
    sample_frames_of,
)
from doorlab.models.reward.base import RewardModel
from doorlab.nn.context_sets import ContextTargetBatch, RewardBatch
from doorlab.training.loop import generator_for

NUM_VIEWS = 4  # embeddings per door, each from other random frames
_DOORS_AT_ONCE = 64


@dataclass(frozen=True)
class EmbeddedBatch:
    """Embeddings of doors, and interactions with them."""

    embedding_BE: Float[Tensor, "B E"]
    interactions: ContextTargetBatch


@torch.no_grad()
def embed_batch(model: RewardModel, batch: RewardBatch) -> EmbeddedBatch:
    """Embeds the doors of a batch with stored frames by the current weights of the encoder."""
    training = model.training
    model.train(False)
    embedding = model.embed(batch.with_float_frames().x_BMCHW)
    model.train(training)
    return EmbeddedBatch(embedding, batch)


class EmbeddingCache:
    """Embeddings of doors, computed at the first use. The encoder must not change afterwards.

    The embeddings depend on the weights and the seed only, so that a resumed run computes the same.
    """

    def __init__(
        self, model: RewardModel, doors: DoorData, frames: int, seed: int, mirror: bool
    ) -> None:
        self._model, self._doors, self._frames, self._seed = model, doors, frames, seed
        self._mirrored = (False, True) if mirror else (False,)
        self._views: list[Float[Tensor, "V D E"]] | None = (
            None  # of the frames, and of the mirrored frames
        )

    def sample(
        self,
        batch: int,
        generator: torch.Generator,
        context: int,
        targets: int,
        empty_context_prob: float,
    ) -> EmbeddedBatch:
        """Samples doors, one view per door, and interactions; half of the doors are mirrored."""
        if self._views is None:
            self._views = self._build()
        rows = sample_door_indices(self._doors, batch, generator)
        interactions = sample_context_target(
            self._doors, rows, generator, context, targets, empty_context_prob
        )
        view = torch.randint(NUM_VIEWS, (batch,), generator=generator)
        chosen = torch.rand(batch, generator=generator) < 0.5 * (len(self._views) > 1)
        device = self._views[0].device
        rows, view, chosen = rows.to(device), view.to(device), chosen.to(device)
        embedding = torch.where(
            chosen[:, None], self._views[-1][view, rows], self._views[0][view, rows]
        )
        return EmbeddedBatch(embedding, mirror_context_target(interactions, chosen))

    @torch.no_grad()
    def _build(self) -> list[Float[Tensor, "V D E"]]:
        """Embeddings of the frames, and of the mirrored frames."""
        training = self._model.training
        self._model.train(False)
        generators = [generator_for(self._seed, "look", number) for number in range(NUM_VIEWS)]
        # The views of a door follow each other: its images on disk are then decoded once.
        parts = [
            [self._embed_views(rows, generator) for generator in generators]
            for rows in torch.arange(len(self._doors)).split(_DOORS_AT_ONCE)
        ]
        self._model.train(training)
        return [
            torch.stack([torch.cat([part[v][m] for part in parts]) for v in range(NUM_VIEWS)])
            for m in range(len(self._mirrored))
        ]

    def _embed_views(
        self, rows: Int64[Tensor, " B"], generator: torch.Generator
    ) -> list[Float[Tensor, "B E"]]:
        """Embeddings of one view of some doors, and of its mirror images."""
        frames = sample_frames_of(self._doors, rows, self._frames, generator)
        flips = [torch.full((len(rows),), flip, device=frames.device) for flip in self._mirrored]
        return [self._model.embed(mirror_frames(frames, chosen)) for chosen in flips]
