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

from doorlab.data.batches import (
    DoorTensors,
    InteractionBatch,
    sample_frames,
    sample_interactions_of,
    sample_rows,
)
from doorlab.data.fresh import Wanted
from doorlab.data.mirroring import mirror_half, mirror_interactions
from doorlab.limits import NonNegativeFloat, NonNegativeInt, PositiveInt, Share
from doorlab.models.registry import BASES, JOINT
from doorlab.stages.learning import LearningConfig
from doorlab.stages.memory import Memory, look_at
from doorlab.stages.online import OnlineDoors, Plan
from doorlab.training.loop import Batches


@dataclass(frozen=True)
class BatchConfig(LearningConfig):
    """How many doors, frames and interactions a step has."""

    OPTION_GROUPS: ClassVar[dict[str, tuple[str, ...]]] = {
        "interaction": (
            "context", "targets", "look_first", "try_batch", "empty_share", "embedding_floor",
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
    look_first: Share = 0.33
    """Share of the steps, from the first on, in which no interactions are given, only frames, and
    the encoder learns; then it is frozen, and the process learns from interactions what pictures
    don't tell. Models on frozen embeddings begin with the latter."""
    try_batch: PositiveInt = 64
    """Labelled doors per step after that: embeddings are remembered, so they cost little."""
    empty_share: Share = 0.1
    """Share of doors of which no interaction is given in the steps after that."""
    mirror: bool = True
    """Show every door, and what was done to it, mirrored half of the time."""
    keep_best: bool = True
    """Go on from looking to trying, and end, with the weights whose squared error on the validation
    doors was smallest, of those looked at every --validate-every steps; otherwise with the last."""
    embedding_floor: Share = 0.01
    """Embeddings are whitened when trying begins; a direction that has less than this share of
    their variance counts for less."""
    embedding_noise: NonNegativeFloat = 4.0
    """Noise on the whitened embeddings of labelled doors while trying, in units of their spread,
    times the root of their number: the fewer there are, the more each stands for others."""

    def phase_at(self, step: int) -> tuple[int, int]:
        """Trying has a rise and a fall of the learning rate of its own.

        Looking has the first part of what the whole run would have: it never gets slow.
        """
        looking = looking_steps(self)
        return (0, self.steps) if step < looking else (looking, self.steps - looking)


def recorded_batches(
    config: BatchConfig, model: Any, labelled: DoorTensors, everything: DoorTensors
) -> Batches:
    """Batches to look at doors in the first steps, and to remember them in the others."""
    memory = Memory(model, labelled, config.frames, config.seed, config.mirror)
    looking, unlabelled = looking_steps(config), _share(config, config.unlabelled_batch)

    def batch_of(step: int, generator: torch.Generator, doors: int) -> Any:
        if step >= looking:
            share = _share(config, config.try_batch)
            return memory.sample(
                share, generator, config.context, config.targets, config.empty_share
            )
        rows = sample_rows(labelled, doors, generator)
        batch = interaction_batch(labelled, rows, config, generator, empty_share=1.0)
        if config.model not in JOINT:
            return batch
        frames = sample_frames(everything, unlabelled, config.frames, generator)
        return batch, mirror_half(frames, generator) if config.mirror else frames

    return batch_of


def fresh_batches(config: BatchConfig, model: Any, doors: OnlineDoors) -> Batches:
    """The same of fresh doors: in the other steps the frozen encoder looks at them as they come."""

    def batch_of(step: int, generator: torch.Generator, count: int) -> Any:
        fresh, every = doors.at(step), torch.arange(count)
        if "look" not in fresh:
            every = torch.arange(_share(config, config.try_batch))
            share = config.empty_share
            return look_at(model, interaction_batch(fresh["try"], every, config, generator, share))
        batch = interaction_batch(fresh["look"], every, config, generator, empty_share=1.0)
        if config.model not in JOINT:
            return batch
        frames = fresh["unlabelled"].images.float() / 255.0
        return batch, mirror_half(frames, generator) if config.mirror else frames

    return batch_of


def plans(config: BatchConfig) -> list[Plan]:
    """The doors that the steps of an online run want."""
    looking, tries = looking_steps(config), config.context + config.targets

    def plan(name: str, doors: int, interactions: int, steps: range) -> Plan:
        every = config.devices * _share(config, doors)
        return Plan(Wanted(name, every, config.frames, interactions), steps)

    wanted = [
        plan("look", config.batch, tries, range(looking)),
        plan("try", config.try_batch, tries, range(looking, config.steps)),
    ]
    if config.model in JOINT:
        wanted.append(plan("unlabelled", config.unlabelled_batch, 0, range(looking)))
    return wanted


def looking_steps(config: BatchConfig) -> int:
    """Steps in which the encoder learns."""
    return 0 if config.model in BASES else math.ceil(config.look_first * config.steps - 1e-6)


def _share(config: BatchConfig, doors: int) -> int:
    """Of so many doors per step, those of one process."""
    return max(1, doors // config.devices)


def interaction_batch(
    doors: DoorTensors,
    rows: Tensor,
    config: BatchConfig,
    generator: torch.Generator,
    empty_share: float,
) -> InteractionBatch:
    """The doors at `rows`: frames, interactions to learn from, others to predict."""
    found = sample_interactions_of(
        doors, rows, config.frames, generator, config.context, config.targets, empty_share
    )
    chosen = torch.rand(len(rows), generator=generator) < 0.5 * config.mirror
    return mirror_interactions(found, chosen.to(found.x_BMCHW.device))
