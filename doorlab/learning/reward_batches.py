"""Batches of `doorlab train` for its two phases, from a dataset or from streamed doors.

In the encoder phase a batch has frames and rewards to predict, but no context interactions. In the
process phase it has embeddings of frames from the trained encoder, and context interactions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from doorlab.data.tensors.augmentation import mirror_interactions, random_mirror
from doorlab.data.tensors.batches import (
    DoorData,
    sample_door_indices,
    sample_images_of,
    sample_interactions_of,
)
from doorlab.data.tensors.stream import StreamSpec
from doorlab.learning.embedding_cache import EmbeddedBatch, EmbeddingCache, embed_batch
from doorlab.learning.online import OnlineDataLoader, StreamSchedule
from doorlab.learning.reward_config import RewardConfig
from doorlab.models.registry import reward_model_spec
from doorlab.models.reward.base import RewardModel
from doorlab.nn.context_sets import RewardBatch
from doorlab.training.task import Batches


@dataclass(frozen=True)
class JointBatch:
    """Labeled doors, and frames of doors whose labels are not used. All frames are as stored."""

    labeled: RewardBatch
    frames_BMCHW: UInt8[Tensor, "B M C H W"]


@dataclass(frozen=True)
class BatchSampler:
    """Samples frames and interactions of the doors of a batch.

    Attributes:
        frames: frames per door.
        context: largest number of interactions in a context set.
        targets: number of interactions in a target set.
        empty_context_prob: fraction of the doors of the process phase with an empty context set.
        mirror: whether to mirror random doors, half of them on average.
    """

    frames: int
    context: int
    targets: int
    empty_context_prob: float
    mirror: bool

    @staticmethod
    def of(config: RewardConfig) -> BatchSampler:
        """The sampler of a run."""
        p = config.process
        return BatchSampler(
            config.frames, p.context, p.targets, p.empty_context_prob, config.mirror
        )

    def interaction_batch(
        self,
        doors: DoorData,
        rows: Tensor,
        generator: torch.Generator,
        empty_context_prob: float | None = None,
    ) -> RewardBatch:
        """The doors at `rows`: frames as stored, context interactions and target interactions.

        Args:
            doors: doors with interactions.
            rows: indices (B,) of the doors of the batch.
            generator: generator on the CPU.
            empty_context_prob: replaces the attribute; 1 in the encoder phase.
        """
        share = self.empty_context_prob if empty_context_prob is None else empty_context_prob
        found = sample_interactions_of(
            doors, rows, self.frames, generator, self.context, self.targets, share
        )
        chosen = torch.rand(len(rows), generator=generator) < 0.5 * self.mirror
        return mirror_interactions(found, chosen.to(found.x_BMCHW.device))

    def mirrored(
        self, frames: UInt8[Tensor, "B M C H W"], generator: torch.Generator
    ) -> UInt8[Tensor, "B M C H W"]:
        """The frames, those of random doors mirrored if `mirror` is set."""
        return random_mirror(frames, generator) if self.mirror else frames


def recorded_encoder_batches(
    sampler: BatchSampler, labeled: DoorData, unlabeled: DoorData | None, num_unlabeled: int
) -> Batches:
    """Random doors of a dataset: RewardBatch, or JointBatch for joint models.

    Args:
        sampler: sampler of the run.
        labeled: doors whose interactions may be used.
        unlabeled: doors whose frames joint models may use; None for other models.
        num_unlabeled: doors per step of which joint models use the frames alone.
    """

    def batch(step: int, generator: torch.Generator, size: int) -> RewardBatch | JointBatch:
        rows = sample_door_indices(labeled, size, generator)
        found = sampler.interaction_batch(labeled, rows, generator, empty_context_prob=1.0)
        if unlabeled is None:
            return found
        rows = sample_door_indices(unlabeled, num_unlabeled, generator)
        frames = sample_images_of(unlabeled, rows, sampler.frames, generator)
        return JointBatch(found, sampler.mirrored(frames, generator))

    return batch


def cached_process_batches(sampler: BatchSampler, cache: EmbeddingCache) -> Batches:
    """Random labeled doors of a dataset, embedded once by the trained encoder: EmbeddedBatch."""

    def batch(step: int, generator: torch.Generator, size: int) -> EmbeddedBatch:
        return cache.sample(
            size, generator, sampler.context, sampler.targets, sampler.empty_context_prob
        )

    return batch


@dataclass(frozen=True)
class StreamSchedules:
    """Schedules of the streamed doors of an online run: numbers of doors by step and kind."""

    labeled: StreamSchedule
    """Doors of the encoder phase."""
    unlabeled: StreamSchedule | None
    """Unlabeled doors of the encoder phase of joint models."""
    process: StreamSchedule
    """Doors of the process phase."""

    @staticmethod
    def of(config: RewardConfig) -> StreamSchedules:
        """The schedules of a run."""
        encoder, p = encoder_steps(config), config.process
        interactions, devices = p.context + p.targets, config.compute.devices

        def schedule(name: str, doors: int, interactions: int, steps: range) -> StreamSchedule:
            every = devices * per_process(doors, devices)
            return StreamSchedule(StreamSpec(name, every, config.frames, interactions), steps)

        first, last = range(encoder), range(encoder, config.steps)
        unlabeled = schedule("unlabelled", config.unlabeled_batch_size, 0, first)
        return StreamSchedules(
            schedule("look", config.batch_size, interactions, first),
            unlabeled if reward_model_spec(config.model).joint else None,
            schedule("try", config.process.batch_size, interactions, last),
        )

    def __iter__(self) -> Iterator[StreamSchedule]:
        yield self.labeled
        yield self.process
        if self.unlabeled is not None:
            yield self.unlabeled


def streamed_encoder_batches(
    sampler: BatchSampler, doors: OnlineDataLoader, schedules: StreamSchedules
) -> Batches:
    """Streamed doors, each used in one step: RewardBatch, or JointBatch for joint models."""

    def batch(step: int, generator: torch.Generator, size: int) -> RewardBatch | JointBatch:
        labeled = doors.at(step, schedules.labeled)
        rows = torch.arange(size)
        found = sampler.interaction_batch(labeled, rows, generator, empty_context_prob=1.0)
        if schedules.unlabeled is None:
            return found
        frames = doors.at(step, schedules.unlabeled).images[:]
        return JointBatch(found, sampler.mirrored(frames, generator))

    return batch


def streamed_process_batches(
    sampler: BatchSampler, model: RewardModel, doors: OnlineDataLoader, schedules: StreamSchedules
) -> Batches:
    """Streamed doors, embedded by the trained encoder at every step: EmbeddedBatch."""

    def batch(step: int, generator: torch.Generator, size: int) -> EmbeddedBatch:
        streamed, rows = doors.at(step, schedules.process), torch.arange(size)
        return embed_batch(model, sampler.interaction_batch(streamed, rows, generator))

    return batch


def encoder_steps(config: RewardConfig) -> int:
    """Length of the encoder phase; 0 for models on a frozen encoder and on that of a run."""
    if reward_model_spec(config.model).frozen_encoder is not None or config.encoder is not None:
        return 0
    return math.ceil(config.encoder_fraction * config.steps - 1e-6)


def per_process(batch_size: int, devices: int) -> int:
    """The batch size of one process."""
    return max(1, batch_size // devices)
