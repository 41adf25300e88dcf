"""Learn what doors are from frames: no action is taken and no reward is seen.

statistician sees several frames of one door at a time and keeps apart what they share, the door,
from what changes, its opening angle and the camera. The others are what it is measured by, on the
same frames and for as many steps:

- context-free models, which see single frames: vae, autoencoder, and two that need no steps, pca
  (fitted in closed form) and random_features (an encoder that learns nothing);
- supervised, the ceiling: the only one that is told the true parameters of the training doors.

`doorlab probe` asks what they have learned.

Writes OUT/model.json, weights.safetensors, metrics.json and tensorboard/. A run that was stopped,
or killed, goes on with --resume and ends as if nothing had happened.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import door_array
from doorlab.errors import ConfigError
from doorlab.intervals import bootstrap_mean
from doorlab.models.registry import PRETRAINED, STEPLESS, TOLD, build_model
from doorlab.seeding import integer_seed
from doorlab.stages.learning import (
    LearningConfig,
    check_doors,
    finish,
    finished_before,
    load_doors,
    report_stop,
    resolved,
    settings_of,
    with_preset,
)
from doorlab.stages.lessons import Lesson, tell, units_of
from doorlab.training import Outcome, Task, fit, launch


@dataclass(frozen=True)
class Config(LearningConfig):
    """What to learn from frames, and how long."""

    model: str = "statistician"
    """statistician, vae, autoencoder, pca, random_features or supervised."""
    out: Path = Path("runs/pretrain")
    """Folder of the run."""
    doors: int = 0
    """Training doors, the first of the split; 0 for all."""
    mirror: bool = True
    """Show every door mirrored half of the time: a mirrored door is a door."""


PRESETS: dict[str, Config] = {
    "tiny": Config(learning_rate=4e-3),
    "small": with_preset(Config(), "small", batch=32, frames=8),
    "full": with_preset(Config(), "full", batch=128, frames=8, accelerator="auto"),
}

# The same for all that learn in steps: comparisons are between ideas, not budgets.
_BUDGETS = {"tiny": 500, "small": 10_000, "full": 60_000}
STEPS: dict[str, dict[str, int]] = {
    preset: {model: 0 if model in STEPLESS else steps for model in PRETRAINED}
    for preset, steps in _BUDGETS.items()
}


def run(config: Config) -> Path:
    """Trains the model; returns the run's folder.

    Raises:
        ConfigError, DatasetError, CheckpointError: for input that can't be used.
        ResultError: for an earlier run that is neither to be resumed nor replaced.
        TrainingError: when the loss is no longer finite.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, once a checkpoint is written.
    """
    if config.model in STEPLESS and config.steps:
        raise ConfigError(
            f"no --steps for {config.model}, which learns without",
            f"{config.steps}",
            "leave it out",
        )
    config = resolved(config, PRETRAINED, STEPS)
    dataset = DoorDataset.open(config.data)
    if config.model in TOLD:
        dataset.require(door_array("hinge_side"))
    check_doors(config, dataset, config.doors)
    build_model(config.model, dataset.image_size, config.architecture)  # or say why not, now
    settings = settings_of(config, dataset)
    if not finished_before(config, settings):
        outcome = launch(_train, config, config, settings)
        if not outcome.finished:
            report_stop(config, outcome)
    return config.out


def _train(fabric: Fabric, config: Config, settings: dict[str, Any]) -> Outcome:
    dataset = DoorDataset.open(config.data)
    lesson, examination = _lessons(dataset, fabric, config)
    torch.manual_seed(integer_seed(config.seed, "weights"))
    model: Any = build_model(config.model, dataset.image_size, config.architecture)
    if config.model in STEPLESS:
        outcome = _fit_at_once(fabric, model, lesson, config.mirror)
    else:
        task = Task(
            loss=_loss,
            batches=partial(lesson.batch, config.frames, config.mirror),
            batch=config.batch,
            validate=partial(_validation, examination) if examination else None,
            settings=settings,
        )
        outcome = fit(fabric, model, task, config, config.out)
    if outcome.finished and fabric.is_global_zero:
        figures = _figures(model.eval(), examination, config.seed) if examination else {}
        finish("pretrain", config, dataset, model, config.architecture, outcome, figures, settings)
    return outcome


def _lessons(dataset: DoorDataset, fabric: Fabric, config: Config) -> tuple[Lesson, Lesson | None]:
    """Training doors and, where there are any, validation doors."""
    doors, validation = load_doors(dataset, fabric, config, config.doors)
    lesson, examination = Lesson(doors), Lesson(validation) if validation else None
    if config.model not in TOLD:
        return lesson, examination
    units = units_of(lesson, dataset)
    told = tell(examination, dataset, units) if examination else None
    return tell(lesson, dataset, units), told


def _fit_at_once(fabric: Fabric, model: Any, lesson: Lesson, mirror: bool) -> Outcome:
    """Learns without steps: a run that is stopped has nothing to resume, and begins again."""
    start = time.monotonic()
    model.to(fabric.device).fit(lesson.views(mirror))
    history = {"train": [], "validation": []}
    return Outcome(0, True, False, history, time.monotonic() - start)


def _loss(model: Any, batch: tuple[Any, ...]) -> tuple[Tensor, dict[str, Tensor]]:
    return model.loss(*batch)


def _validation(lesson: Lesson, model: Any) -> dict[str, float]:
    """The loss and its parts, averaged over doors."""
    totals: dict[str, float] = {}
    for batch in lesson.portions():
        loss, scalars = _loss(model, batch)
        for name, value in {"loss": loss, **scalars}.items():
            share = len(batch[0]) / len(lesson)
            totals[name] = totals.get(name, 0.0) + share * float(value)
    return totals


def _figures(model: Any, lesson: Lesson, seed: int) -> dict[str, Any]:
    """Final figures on validation doors, of a model that makes pictures."""
    if not hasattr(model, "reconstruct"):
        return {}
    with torch.no_grad():
        squares = [
            (model.reconstruct(frames) - frames).square().mean(dim=(1, 2, 3, 4)).cpu()
            for frames in lesson.views(mirror=False)
        ]
    mse = torch.cat(squares).numpy()
    return {"validation_reconstruction_mse": bootstrap_mean(mse, seed=seed)}
