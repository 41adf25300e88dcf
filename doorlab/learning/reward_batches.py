"""Batches of `doorlab train` for its two phases, from a dataset or from streamed doors.

In the encoder phase a batch has frames and rewards to predict, but no context interactions. In the
process phase it has embeddings of frames from the trained encoder, and context interactions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.data.tensors.augmentation import mirror_interactions, random_mirror
from doorlab.data.tensors.batches import (
    DoorData,
    sample_door_indices,
    sample_frames,
    sample_interactions_of,
)
from doorlab.data.tensors.stream import StreamSpec
from doorlab.learning.config import LearningConfig
from doorlab.learning.embedding_cache import EmbeddedBatch, EmbeddingCache, Embeds, embed_batch
from doorlab.learning.online import OnlineDataLoader, StreamSchedule
from doorlab.limits import NonNegativeFloat, NonNegativeInt, PositiveInt, Share
from doorlab.models.registry import reward_model_spec
from doorlab.nn.interactions import RewardBatch
from doorlab.training.task import Batches


@dataclass(frozen=True)
class BatchConfig(LearningConfig):
    """How many doors, frames and interactions a step has."""

    OPTION_GROUPS: ClassVar[dict[str, tuple[str, ...]]] = {
        "interaction": (
            "context", "targets", "encoder_fraction", "process_batch_size", "empty_context_prob",
            "whitening_eps",
            "embedding_noise",
        ),
    }  # fmt: skip

    batch: PositiveInt = 32
    """Labelled doors per step while looking."""
    frames: PositiveInt = 3
    """Frames per door and step, drawn anew every time."""
    unlabelled_batch: PositiveInt = 8
    """Doors per step, labelled or not, whose frames ssnp also learns to describe."""
    context: NonNegativeInt = 10
    """Interactions given before those to be predicted, at most."""
    targets: PositiveInt = 22
    """Interactions to be predicted, per door and step."""
    encoder_fraction: Share = 0.33
    """Share of the steps, from the first on, in which no interactions are given, only frames, and
    the encoder learns; then it is frozen, and the process learns from interactions what pictures
    don't tell. Models on frozen embeddings begin with the latter."""
    process_batch_size: PositiveInt = 64
    """Labelled doors per step after that: embeddings are remembered, so they cost little."""
    empty_context_prob: Share = 0.1
    """Share of doors of which no interaction is given in the steps after that."""
    mirror: bool = True
    """Show every door, and what was done to it, mirrored half of the time."""
    keep_best: bool = True
    """Go on from looking to trying, and end, with the weights whose squared error on the validation
    doors was smallest, of those looked at every --validate-every steps; otherwise with the last."""
    whitening_eps: Share = 0.01
    """Embeddings are whitened when trying begins; a direction that has less than this share of
    their variance counts for less."""
    embedding_noise: NonNegativeFloat = 4.0
    """Noise on the whitened embeddings of labelled doors while trying, in units of their spread,
    times the root of their number: the fewer there are, the more each stands for others."""


@dataclass(frozen=True)
class JointBatch:
    """Labelled doors, and frames of doors whose labels are not used."""

    labelled: RewardBatch
    frames_BMCHW: Float[Tensor, "B M C H W"]


def recorded_encoder_batches(
    config: BatchConfig, labelled: DoorData, everything: DoorData
) -> Batches:
    """Random doors of a dataset: RewardBatch, or JointBatch for joint models.

    Args:
        config: of the run.
        labelled: doors whose interactions may be used.
        everything: doors whose frames may be used.
    """
    unlabelled = per_process(config, config.unlabelled_batch)

    def batch(step: int, generator: torch.Generator, size: int) -> RewardBatch | JointBatch:
        rows = sample_door_indices(labelled, size, generator)
        found = interaction_batch(labelled, rows, config, generator, empty_context_prob=1.0)
        if not reward_model_spec(config.model).joint:
            return found
        frames = sample_frames(everything, unlabelled, config.frames, generator)
        return JointBatch(found, _maybe_mirrored(config, frames, generator))

    return batch


def cached_process_batches(config: BatchConfig, cache: EmbeddingCache) -> Batches:
    """Random labelled doors of a dataset, embedded once by the trained encoder: EmbeddedBatch."""

    def batch(step: int, generator: torch.Generator, size: int) -> EmbeddedBatch:
        return cache.sample(
            size, generator, config.context, config.targets, config.empty_context_prob
        )

    return batch


@dataclass(frozen=True)
class StreamSchedules:
    """The streamed doors of an online run: which steps get how many of which kind."""

    labelled: StreamSchedule
    """In the encoder phase."""
    unlabelled: StreamSchedule | None
    """In the encoder phase of joint models."""
    process: StreamSchedule
    """In the process phase."""

    @staticmethod
    def of(config: BatchConfig) -> StreamSchedules:
        """The schedules of a run."""
        encoder, interactions = encoder_steps(config), config.context + config.targets

        def schedule(name: str, doors: int, interactions: int, steps: range) -> StreamSchedule:
            every = config.devices * per_process(config, doors)
            return StreamSchedule(StreamSpec(name, every, config.frames, interactions), steps)

        first, last = range(encoder), range(encoder, config.steps)
        unlabelled = schedule("unlabelled", config.unlabelled_batch, 0, first)
        return StreamSchedules(
            schedule("look", config.batch, interactions, first),
            unlabelled if reward_model_spec(config.model).joint else None,
            schedule("try", config.process_batch_size, interactions, last),
        )

    def __iter__(self) -> Iterator[StreamSchedule]:
        yield self.labelled
        yield self.process
        if self.unlabelled is not None:
            yield self.unlabelled


def streamed_encoder_batches(
    config: BatchConfig, doors: OnlineDataLoader, schedules: StreamSchedules
) -> Batches:
    """Streamed doors that no other step gets: RewardBatch, or JointBatch for joint models."""

    def batch(step: int, generator: torch.Generator, size: int) -> RewardBatch | JointBatch:
        labelled = doors.at(step, schedules.labelled)
        rows = torch.arange(size)
        found = interaction_batch(labelled, rows, config, generator, empty_context_prob=1.0)
        if schedules.unlabelled is None:
            return found
        frames = doors.at(step, schedules.unlabelled).images.float() / 255.0
        return JointBatch(found, _maybe_mirrored(config, frames, generator))

    return batch


def streamed_process_batches(
    config: BatchConfig, model: Embeds, doors: OnlineDataLoader, schedules: StreamSchedules
) -> Batches:
    """Streamed doors, embedded by the trained encoder as they come: EmbeddedBatch."""

    def batch(step: int, generator: torch.Generator, size: int) -> EmbeddedBatch:
        streamed, rows = doors.at(step, schedules.process), torch.arange(size)
        share = config.empty_context_prob
        return embed_batch(model, interaction_batch(streamed, rows, config, generator, share))

    return batch


def encoder_steps(config: BatchConfig) -> int:
    """Length of the encoder phase; 0 for models on a frozen encoder."""
    if reward_model_spec(config.model).frozen_encoder is not None:
        return 0
    return math.ceil(config.encoder_fraction * config.steps - 1e-6)


def per_process(config: BatchConfig, batch_size: int) -> int:
    """The batch size of one process."""
    return max(1, batch_size // config.devices)


def _maybe_mirrored(config: BatchConfig, frames: Tensor, generator: torch.Generator) -> Tensor:
    return random_mirror(frames, generator) if config.mirror else frames


def interaction_batch(
    doors: DoorData,
    rows: Tensor,
    config: BatchConfig,
    generator: torch.Generator,
    empty_context_prob: float,
) -> RewardBatch:
    """The doors at `rows`: frames, interactions to learn from, others to predict."""
    found = sample_interactions_of(
        doors, rows, config.frames, generator, config.context, config.targets, empty_context_prob
    )
    chosen = torch.rand(len(rows), generator=generator) < 0.5 * config.mirror
    return mirror_interactions(found, chosen.to(found.x_BMCHW.device))
