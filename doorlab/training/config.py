"""Settings of the training loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from doorlab.configs import flattened
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
from doorlab.training.external_logger import LOGGERS

PRECISIONS = ("32-true", "bf16-mixed")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class OptimConfig:
    """AdamW and its learning-rate schedule. Raises ConfigError for values out of range."""

    lr: Annotated[PositiveFloat, Option(aliases=("--lr", "--learning-rate"))] = 2e-3
    """Peak learning rate."""
    warmup_fraction: Annotated[Share, Option(aliases=("--warmup-fraction",))] = 0.1
    """Fraction of the steps in which the learning rate rises; then it falls along a cosine."""
    weight_decay: Annotated[NonNegativeFloat, Option(aliases=("--weight-decay",))] = 0.01
    """Weight decay of matrices and kernels; vectors and numbers have none."""
    max_grad_norm: Annotated[NonNegativeFloat, Option(aliases=("--max-grad-norm",))] = 1.0
    """Largest norm of the gradient; 0 for no limit."""

    def __post_init__(self) -> None:
        check_limits(self, "--optim.")


@dataclass(frozen=True)
class ComputeConfig:
    """Devices, processes and precision of the training. Raises ConfigError for unknown names."""

    device: Annotated[str, Option(DEVICES, ("--device",))] = "auto"
    """Device to train on: cpu, cuda, or auto for a GPU where there is one."""
    devices: Annotated[PositiveInt, Option(aliases=("--devices",))] = 1
    """Number of processes that share every batch, with one device each."""
    threads: Annotated[Threads, Option(aliases=("--threads",))] = 1
    """Torch threads per process; 0 keeps the default of torch."""
    precision: Annotated[str, Option(PRECISIONS, ("--precision",))] = "32-true"
    """Arithmetic: 32-true, or bf16-mixed (bfloat16 where that is safe, float32 weights)."""

    def __post_init__(self) -> None:
        check_limits(self, "--compute.")
        if self.precision not in PRECISIONS:
            raise unknown_name("precision", self.precision, PRECISIONS)
        if self.device not in DEVICES:
            raise unknown_name("device", self.device, DEVICES)


@dataclass(frozen=True)
class MonitorConfig:
    """How often a run validates, logs and saves. Raises ConfigError for values out of range."""

    validate_every: Annotated[PositiveInt, Option(aliases=("--validate-every",))] = 200
    """Steps between validations."""
    log_every: Annotated[PositiveInt, Option(aliases=("--log-every",))] = 20
    """Steps over which logged metrics are averaged."""
    checkpoint_every: Annotated[PositiveInt, Option(aliases=("--checkpoint-every",))] = 500
    """Steps between checkpoints. A run that is killed loses at most these steps."""
    stop_after: Annotated[NonNegativeInt, Option(aliases=("--stop-after",))] = 0
    """Stop with a checkpoint after this step, for --resume to continue; 0 for the last step."""
    logger: Annotated[str, Option(LOGGERS, ("--logger",))] = "tensorboard"
    """Where scalars go: tensorboard (OUT/tensorboard only), or in addition to it wandb (Weights &
    Biases) or trackio, which are installed with `pip install 'doorlab[wandb]'` and
    `'doorlab[trackio]'`."""
    logger_project: Annotated[str, Option(aliases=("--logger-project",))] = "doorlab"
    """Project of wandb or trackio."""

    def __post_init__(self) -> None:
        check_limits(self, "--monitor.")
        if self.logger not in LOGGERS:
            raise unknown_name("logger", self.logger, LOGGERS)


@dataclass(frozen=True)
class TrainConfig:
    """The settings of the training loop. Raises ConfigError for values out of range."""

    steps: NonNegativeInt = 0
    """Optimizer steps; 0 for the steps that the preset gives the model."""
    seed: Seed = 0
    """Seed of the initial weights, the batches and all noise."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    """Optimizer."""
    compute: ComputeConfig = field(default_factory=ComputeConfig)
    """Device, processes and arithmetic."""
    monitor: MonitorConfig = field(default_factory=MonitorConfig)
    """Validation, logs and checkpoints."""

    def __post_init__(self) -> None:
        check_limits(self)


# Settings that may differ in a resumed run, because they do not affect the computation.
NON_SEMANTIC_SETTINGS = frozenset(
    {
        "monitor.checkpoint_every",
        "monitor.stop_after",
        "monitor.logger",
        "monitor.logger_project",
        "compute.threads",
    }
)


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Settings in which two runs differ, with both values; `NON_SEMANTIC_SETTINGS` are ignored."""
    before, now = flattened(before), flattened(now)
    names = sorted((set(before) | set(now)) - NON_SEMANTIC_SETTINGS)
    return [
        f"{flag(name)} ({before.get(name)} there, {now.get(name)} here)"
        for name in names
        if before.get(name) != now.get(name)
    ]
