"""Settings of the training loop, and the learning rate as a function of the step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from doorlab.errors import unknown_name
from doorlab.limits import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Seed,
    Share,
    Threads,
    check_limits,
    flag,
)
from doorlab.options import Option

PRECISIONS = ("32-true", "bf16-mixed")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class TrainConfig:
    """How long, how fast and where to train. Raises ConfigError for values out of range."""

    OPTION_GROUPS: ClassVar[dict[str, tuple[str, ...]]] = {
        "optimizer": (
            "learning_rate",
            "warmup_fraction",
            "weight_decay",
            "max_grad_norm",
            "precision",
        ),
        "machine": ("device", "devices", "threads"),
        "monitoring": ("checkpoint_every", "log_every", "validate_every", "stop_after"),
    }

    steps: NonNegativeInt = 0
    """Optimiser steps; 0 for what the preset gives the model."""
    learning_rate: PositiveFloat = 2e-3
    """Highest learning rate of AdamW."""
    warmup_fraction: Share = 0.1
    """Share of the steps in which the learning rate rises; it falls along a cosine after that."""
    weight_decay: NonNegativeFloat = 0.01
    """Weight decay of AdamW, on matrices and kernels only."""
    max_grad_norm: NonNegativeFloat = 1.0
    """Largest norm of the gradient; 0 for no limit."""
    precision: Annotated[str, Option(PRECISIONS)] = "32-true"
    """Arithmetic: 32-true, or bf16-mixed (bfloat16 where that is safe, float32 weights)."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Where to train: cpu, cuda, or auto for the best there is."""
    devices: PositiveInt = 1
    """Processes, one device each, that share every batch."""
    threads: Threads = 1
    """Torch threads per process; 0 leaves torch's own choice."""
    checkpoint_every: PositiveInt = 500
    """Steps between checkpoints: what a killed run loses at most."""
    log_every: PositiveInt = 20
    """Steps over which logged figures are averaged."""
    validate_every: PositiveInt = 200
    """Steps between looks at the validation doors."""
    stop_after: NonNegativeInt = 0
    """Stop with a checkpoint after this step, for --resume to go on; 0 for the end."""
    seed: Seed = 0
    """Seed of the weights, the batches and all noise."""

    def __post_init__(self) -> None:
        check_limits(self)
        if self.precision not in PRECISIONS:
            raise unknown_name("precision", self.precision, PRECISIONS)
        if self.device not in DEVICES:
            raise unknown_name("device", self.device, DEVICES)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate in step 0, 1, ... of a schedule: linear warm-up, then a cosine to 0.

        A pure function of the step, so that a resumed run needs no state of a scheduler.

        Args:
            step: since the start of the schedule.
            steps: length of the schedule.
        """
        rise = self.warmup_fraction * steps
        if step < rise:
            return self.learning_rate * (step + 1) / (math.ceil(rise) or 1)
        done = (step - rise) / max(1.0, steps - rise)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))


# What may differ between a run and its resumption without changing what is computed.
NON_SEMANTIC_SETTINGS = frozenset({"checkpoint_every", "stop_after", "threads"})


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Settings in which two runs differ, each with both values, but for `NON_SEMANTIC_SETTINGS`."""
    names = sorted((set(before) | set(now)) - NON_SEMANTIC_SETTINGS)
    return [
        f"{flag(name)} ({before.get(name)} there, {now.get(name)} here)"
        for name in names
        if before.get(name) != now.get(name)
    ]
