"""What `doorlab train` shows to reward models: doors to look at first, then doors to try.

In the first steps models get frames and no interactions; in the others embeddings of frames, from
the encoder as it is then, and interactions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from doorlab.data.tensors.augmentation import mirror_interactions, random_mirror
from doorlab.data.tensors.batches import (
    DoorData,
    RewardBatch,
    sample_door_indices,
    sample_frames,
    sample_interactions_of,
)
from doorlab.data.tensors.stream import StreamSpec
from doorlab.learning.config import LearningConfig
from doorlab.learning.embedding_cache import EmbeddingCache, embed_batch
from doorlab.learning.online import OnlineDataLoader, StreamSchedule
from doorlab.limits import NonNegativeFloat, NonNegativeInt, PositiveInt, Share
from doorlab.models.registry import BASES, JOINT
from doorlab.training.loop import Batches


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

    def phase_at(self, step: int) -> tuple[int, int]:
        """Trying has a rise and a fall of the learning rate of its own.

        Looking has the first part of what the whole run would have: it never gets slow.
        """
        looking = encoder_steps(self)
        return (0, self.steps) if step < looking else (looking, self.steps - looking)


def recorded_batches(
    config: BatchConfig, model: Any, labelled: DoorData, everything: DoorData
) -> Batches:
    """Batches to look at doors in the first steps, and to remember them in the others."""
    memory = EmbeddingCache(model, labelled, config.frames, config.seed, config.mirror)
    looking, unlabelled = encoder_steps(config), _share(config, config.unlabelled_batch)

    def batch_of(step: int, generator: torch.Generator, doors: int) -> Any:
        if step >= looking:
            share = _share(config, config.process_batch_size)
            return memory.sample(
                share, generator, config.context, config.targets, config.empty_context_prob
            )
        rows = sample_door_indices(labelled, doors, generator)
        batch = interaction_batch(labelled, rows, config, generator, empty_context_prob=1.0)
        if config.model not in JOINT:
            return batch
        frames = sample_frames(everything, unlabelled, config.frames, generator)
        return batch, random_mirror(frames, generator) if config.mirror else frames

    return batch_of


def fresh_batches(config: BatchConfig, model: Any, doors: OnlineDataLoader) -> Batches:
    """The same of fresh doors: in the other steps the frozen encoder looks at them as they come."""

    def batch_of(step: int, generator: torch.Generator, count: int) -> Any:
        fresh, every = doors.at(step), torch.arange(count)
        if "look" not in fresh:
            every = torch.arange(_share(config, config.process_batch_size))
            share = config.empty_context_prob
            return embed_batch(
                model, interaction_batch(fresh["try"], every, config, generator, share)
            )
        batch = interaction_batch(fresh["look"], every, config, generator, empty_context_prob=1.0)
        if config.model not in JOINT:
            return batch
        frames = fresh["unlabelled"].images.float() / 255.0
        return batch, random_mirror(frames, generator) if config.mirror else frames

    return batch_of


def plans(config: BatchConfig) -> list[StreamSchedule]:
    """The doors that the steps of an online run want."""
    looking, tries = encoder_steps(config), config.context + config.targets

    def plan(name: str, doors: int, interactions: int, steps: range) -> StreamSchedule:
        every = config.devices * _share(config, doors)
        return StreamSchedule(StreamSpec(name, every, config.frames, interactions), steps)

    wanted = [
        plan("look", config.batch, tries, range(looking)),
        plan("try", config.process_batch_size, tries, range(looking, config.steps)),
    ]
    if config.model in JOINT:
        wanted.append(plan("unlabelled", config.unlabelled_batch, 0, range(looking)))
    return wanted


def encoder_steps(config: BatchConfig) -> int:
    """Steps in which the encoder learns."""
    return 0 if config.model in BASES else math.ceil(config.encoder_fraction * config.steps - 1e-6)


def _share(config: BatchConfig, doors: int) -> int:
    """Of so many doors per step, those of one process."""
    return max(1, doors // config.devices)


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
