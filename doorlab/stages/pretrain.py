"""Learn what doors are from unlabelled frames: no action is taken and no reward is seen.

Two models. vae sees single frames (the context-free baseline); statistician sees several frames of
one door at a time and keeps apart what they share, the door, from what changes, its opening angle
and the camera. Both are trained to say what they saw; `doorlab probe` asks what they have learned.

With --online no door is seen twice: every step draws fresh ones from a prior, on the device.

Writes OUT/model.json, weights.safetensors, metrics.json and tensorboard/. A run that was stopped,
or killed, goes on with --resume and ends as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from doorlab.data.batches import DoorTensors, sample_frames
from doorlab.data.dataset import DoorDataset
from doorlab.data.fresh import Wanted
from doorlab.data.mirroring import mirror_frames
from doorlab.errors import ConfigError
from doorlab.intervals import bootstrap_mean
from doorlab.models.registry import PRETRAINED, build_model
from doorlab.seeding import integer_seed
from doorlab.stages.learning import (
    LearningConfig,
    check_doors,
    finish,
    finished_before,
    open_data,
    report_stop,
    resolved,
    settings_of,
    size_of,
    with_preset,
)
from doorlab.stages.online import OnlineDoors, Plan, check_fresh, load_validation
from doorlab.training import Outcome, Task, fit, launch
from doorlab.training.loop import Batches

_DOORS_AT_ONCE = 32


@dataclass(frozen=True)
class Config(LearningConfig):
    """What to learn from frames, and how long."""

    model: str = "statistician"
    """vae or statistician."""
    out: Path = Path("runs/pretrain")
    """Folder of the run."""
    doors: int = 0
    """Training doors of the dataset, the first of the split; 0 for all."""
    mirror: bool = True
    """Show every door mirrored half of the time: a mirrored door is a door."""


PRESETS: dict[str, Config] = {
    "tiny": Config(learning_rate=4e-3),
    "small": with_preset(Config(), "small", batch=32, frames=8),
    "full": with_preset(Config(), "full", batch=128, frames=8, accelerator="auto"),
}

STEPS: dict[str, dict[str, int]] = {
    "tiny": {"vae": 500, "statistician": 500},
    "small": {"vae": 10_000, "statistician": 10_000},
    "full": {"vae": 60_000, "statistician": 60_000},
}


def run(config: Config) -> Path:
    """Trains the model; returns the run's folder.

    Raises:
        ConfigError, DatasetError, CheckpointError: for input that can't be used.
        ResultError: for an earlier run that is neither to be resumed nor replaced.
        TrainingError: when the loss is no longer finite.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, once a checkpoint is written.
    """
    config = resolved(config, PRETRAINED, STEPS)
    dataset = open_data(config)
    _check(config, dataset)
    build_model(config.model, size_of(config, dataset), config.architecture)  # or say why not, now
    settings = settings_of(config, dataset)
    if not finished_before(config, settings):
        outcome = launch(_train, config, config, settings)
        if not outcome.finished:
            report_stop(config, outcome)
    return config.out


def _check(config: Config, dataset: DoorDataset | None) -> None:
    if dataset is not None and not config.online:
        check_doors(config, dataset, config.doors)
        return
    check_fresh(config)
    if config.doors:
        raise ConfigError("no --doors with --online", f"{config.doors}", "leave one of them out")


def _train(fabric: Fabric, config: Config, settings: dict[str, Any]) -> Outcome:
    dataset = open_data(config)
    if dataset is not None and not config.online:
        doors = DoorTensors.load(dataset, "train", fabric.device, config.doors or None)
        return _fit(fabric, config, dataset, settings, partial(frames_batch, doors, config))
    wanted = Wanted("frames", config.batch, config.frames, interactions=0)
    with OnlineDoors(config, fabric, [Plan(wanted, range(config.steps))]) as fresh:
        batches = partial(fresh_batch, fresh, config)
        return _fit(fabric, config, dataset, settings, batches, fresh.figures)


def _fit(
    fabric: Fabric,
    config: Config,
    dataset: DoorDataset | None,
    settings: dict[str, Any],
    batches: Batches,
    about_doors: Callable[[], dict[str, Any]] = dict,
) -> Outcome:
    validation = load_validation(config, dataset, fabric.device)
    torch.manual_seed(integer_seed(config.seed, "weights"))
    model: Any = build_model(config.model, size_of(config, dataset), config.architecture)
    task = Task(
        loss=_loss,
        batches=batches,
        batch=config.batch,
        validate=partial(_validation, validation) if validation else None,
        settings=settings,
    )
    outcome = fit(fabric, model, task, config, config.out)
    if outcome.finished and fabric.is_global_zero:
        figures = about_doors() | _figures(model.eval(), validation, config.seed)
        finish("pretrain", config, dataset, model, config.architecture, outcome, figures, settings)
    return outcome


def _loss(model: Any, frames: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    return model.loss(frames)


def frames_batch(
    doors: DoorTensors, config: Config, step: int, generator: torch.Generator, batch: int
) -> Float[Tensor, "B M C H W"]:
    """Random frames of random doors."""
    return _mirrored(sample_frames(doors, batch, config.frames, generator), config, generator)


def fresh_batch(
    doors: OnlineDoors, config: Config, step: int, generator: torch.Generator, batch: int
) -> Float[Tensor, "B M C H W"]:
    """Frames of doors that no other step has: `batch` of them, as was planned."""
    frames = doors.at(step)["frames"].images.float() / 255.0
    return _mirrored(frames, config, generator)


def _mirrored(
    frames: Float[Tensor, "B M C H W"], config: Config, generator: torch.Generator
) -> Float[Tensor, "B M C H W"]:
    if not config.mirror:
        return frames
    chosen = torch.rand(len(frames), generator=generator) < 0.5
    return mirror_frames(frames, chosen.to(frames.device))


def _validation(doors: DoorTensors, model: Any) -> dict[str, float]:
    """The loss and its parts, averaged over doors."""
    totals: dict[str, float] = {}
    for frames in _portions(doors):
        loss, scalars = model.loss(frames)
        for name, value in {"loss": loss, **scalars}.items():
            share = len(frames) / len(doors)
            totals[name] = totals.get(name, 0.0) + share * float(value)
    return totals


def _figures(model: Any, doors: DoorTensors | None, seed: int) -> dict[str, Any]:
    """Final figures on validation doors, if there are any."""
    if doors is None:
        return {}
    mse = reconstruction_errors(model, doors).numpy()
    return {"validation_reconstruction_mse": bootstrap_mean(mse, seed=seed)}


@torch.no_grad()
def reconstruction_errors(model: Any, doors: DoorTensors) -> Float[Tensor, " D"]:
    """Mean squared error of every door's frames, channels from 0 to 1; on the CPU."""
    squares = [
        (model.reconstruct(frames) - frames).square().mean(dim=(1, 2, 3, 4)).cpu()
        for frames in _portions(doors)
    ]
    return torch.cat(squares)


def _portions(doors: DoorTensors) -> list[Float[Tensor, "B M C H W"]]:
    return [images.float() / 255.0 for images in doors.images.split(_DOORS_AT_ONCE)]
