"""Learn what doors are from frames: no action is taken and no reward is seen.

statistician sees several frames of one door at a time and keeps apart what they share, the door,
from what changes, its opening angle and the camera. The others are what it is measured by, on the
same frames and for as many steps:

- contrastive_statistician, an extension of it whose c has to tell doors apart and whose z must not;
- context-free models, which see single frames: vae, autoencoder, and two that need no steps, pca
  (fitted in closed form) and random_features (an encoder that learns nothing);
- supervised, the ceiling: the only one that is told the true parameters of the training doors.

`doorlab probe` asks what they have learned.

With --online no door is seen twice: every step draws fresh ones from a prior, on the device.

Writes OUT/model.json, weights.safetensors, metrics.json and tensorboard/. A run that was stopped,
or killed, goes on with --resume and ends as if nothing had happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import door_array
from doorlab.data.tensors.augmentation import random_mirror
from doorlab.data.tensors.batches import DoorData
from doorlab.data.tensors.stream import StreamSpec
from doorlab.errors import ConfigError
from doorlab.intervals import bootstrap_mean
from doorlab.learning.config import (
    LearningConfig,
    check_doors,
    dataset_image_size,
    finish,
    finished_before,
    open_data,
    report_stop,
    resolved,
    run_settings,
    with_preset,
)
from doorlab.learning.online import OnlineDataLoader, StreamSchedule, check_fresh, load_validation
from doorlab.learning.pretraining_set import PretrainingSet, fit_label_normalizer, tell
from doorlab.limits import NonNegativeInt
from doorlab.models.registry import PRETRAINED, STEPLESS, TOLD, build_model
from doorlab.options import Option
from doorlab.runtime.torch_state import process_defaults
from doorlab.seeding import integer_seed
from doorlab.storage.folders import output_folder
from doorlab.training import FitResult, Task, fit, launch
from doorlab.training.fabric import Fabric
from doorlab.training.loop import Batches


@dataclass(frozen=True)
class Config(LearningConfig):
    """What to learn from frames, and how long."""

    model: Annotated[str, Option(tuple(PRETRAINED))] = "statistician"
    """statistician, contrastive_statistician, vae, autoencoder, pca, random_features or
    supervised."""
    out: Path = Path("runs/pretrain")
    """Folder of the run."""
    doors: NonNegativeInt = 0
    """Training doors of the dataset, the first of the split; 0 for all."""
    mirror: bool = True
    """Show every door mirrored half of the time: a mirrored door is a door."""


PRESETS: dict[str, Config] = {
    "tiny": Config(frames=8),
    "small": with_preset(Config(), "small", batch=32, frames=8),
    "full": with_preset(Config(), "full", batch=128, frames=8),
}

# The same for all that learn in steps: comparisons are between ideas, not budgets.
STEPS_BY_PRESET = {"tiny": 1_000, "small": 2_000, "full": 60_000}
STEPS: dict[str, dict[str, int]] = {
    preset: {model: 0 if model in STEPLESS else steps for model in PRETRAINED}
    for preset, steps in STEPS_BY_PRESET.items()
}


@process_defaults()
def run(config: Config) -> Path:
    """Trains the model; returns the run's folder.

    Raises:
        ConfigError, DatasetError, CheckpointError: for input that can't be used.
        ResultError: for an earlier run that is neither to be resumed nor replaced, and when another
            process writes into its folder.
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
    dataset = open_data(config)
    _check(config, dataset)
    build_model(
        config.model, dataset_image_size(config, dataset), config.architecture
    )  # or say why not, now
    settings = run_settings(config, dataset)
    with output_folder(config.out) as was_killed:
        if not finished_before(config, settings, was_killed):
            outcome = launch(_train, config, config, settings)
            if not outcome.finished:
                report_stop(config, outcome)
    return config.out


def _check(config: Config, dataset: DoorDataset | None) -> None:
    if config.model == "contrastive_statistician" and config.frames < 2:
        raise ConfigError(
            "--frames of 2 or more for contrastive_statistician, which compares halves",
            f"{config.frames}",
            "raise it",
        )
    if dataset is not None and not config.online:
        if config.model in TOLD:
            dataset.require(door_array("hinge_side"))
        check_doors(config, dataset, config.doors)
        return
    if config.model in STEPLESS | TOLD:
        raise ConfigError(
            f"a dataset for {config.model}", "--online",
            "leave --online out: fresh doors are for models that look, step by step",
        )  # fmt: skip
    check_fresh(config)
    if config.doors:
        raise ConfigError("no --doors with --online", f"{config.doors}", "leave one of them out")


def _train(fabric: Fabric, config: Config, settings: dict[str, Any]) -> FitResult:
    dataset = open_data(config)
    validation = load_validation(config, dataset, fabric.device)
    examination = PretrainingSet(validation) if validation else None
    if dataset is None or config.online:
        wanted = StreamSpec("frames", config.batch, config.frames, interactions=0)
        with OnlineDataLoader(
            config, fabric, [StreamSchedule(wanted, range(config.steps))]
        ) as fresh:
            learn = partial(_fit_gradient, batches=partial(fresh_batch, fresh, config))
            return _fit(fabric, config, dataset, settings, learn, examination, fresh.figures)
    lesson = PretrainingSet(DoorData.load(dataset, "train", fabric.device, config.doors or None))
    if config.model in TOLD:
        units = fit_label_normalizer(lesson, dataset)
        lesson = tell(lesson, dataset, units)
        examination = tell(examination, dataset, units) if examination else None
    if config.model in STEPLESS:
        learn = partial(_fit_closed_form, lesson=lesson)
    else:
        learn = partial(_fit_gradient, batches=partial(lesson.batch, config.frames, config.mirror))
    return _fit(fabric, config, dataset, settings, learn, examination)


def _fit(
    fabric: Fabric,
    config: Config,
    dataset: DoorDataset | None,
    settings: dict[str, Any],
    learn: Callable[..., FitResult],
    examination: PretrainingSet | None,
    about_doors: Callable[[], dict[str, Any]] = dict,
) -> FitResult:
    torch.manual_seed(integer_seed(config.seed, "weights"))
    model: Any = build_model(config.model, dataset_image_size(config, dataset), config.architecture)
    outcome = learn(fabric, config, model, settings, examination)
    if outcome.finished and fabric.is_global_zero:
        figures = about_doors() | _figures(model.eval(), examination, config.seed)
        finish("pretrain", config, dataset, model, config.architecture, outcome, figures, settings)
    return outcome


def _fit_gradient(
    fabric: Fabric,
    config: Config,
    model: Any,
    settings: dict[str, Any],
    examination: PretrainingSet | None,
    batches: Batches,
) -> FitResult:
    task = Task(
        loss=_loss,
        batches=batches,
        batch=config.batch,
        name=config.model,
        validate=partial(_validation, examination) if examination else None,
        settings=settings,
    )
    return fit(fabric, model, task, config, config.out)


def _fit_closed_form(
    fabric: Fabric,
    config: Config,
    model: Any,
    settings: dict[str, Any],
    examination: PretrainingSet | None,
    lesson: PretrainingSet,
) -> FitResult:
    """Learns without steps: a run that is stopped has nothing to resume, and begins again."""
    start = time.monotonic()
    model.to(fabric.device).fit(lesson.iter_frames(config.mirror))
    history = {"train": [], "validation": []}
    return FitResult(0, True, False, history, time.monotonic() - start)


def fresh_batch(
    doors: OnlineDataLoader, config: Config, step: int, generator: torch.Generator, batch: int
) -> tuple[Float[Tensor, "B M C H W"]]:
    """Frames of doors that no other step has: `batch` of them, as was planned."""
    frames = doors.at(step)["frames"].images.float() / 255.0
    return (random_mirror(frames, generator) if config.mirror else frames,)


def _loss(model: Any, batch: tuple[Any, ...]) -> tuple[Tensor, dict[str, Tensor]]:
    return model.loss(*batch)


def _validation(lesson: PretrainingSet, model: Any) -> dict[str, float]:
    """The loss and its parts, averaged over doors."""
    totals: dict[str, float] = {}
    for batch in lesson.iter_batches():
        loss, scalars = _loss(model, batch)
        for name, value in {"loss": loss, **scalars}.items():
            share = len(batch[0]) / len(lesson)
            totals[name] = totals.get(name, 0.0) + share * float(value)
    return totals


def _figures(model: Any, lesson: PretrainingSet | None, seed: int) -> dict[str, Any]:
    """Final figures on validation doors, of a model that makes pictures."""
    if lesson is None or not hasattr(model, "reconstruct"):
        return {}
    mse = reconstruction_errors(model, lesson).numpy()
    return {"validation_reconstruction_mse": bootstrap_mean(mse, seed=seed)}


@torch.no_grad()
def reconstruction_errors(model: Any, lesson: PretrainingSet) -> Float[Tensor, " D"]:
    """Mean squared error of every door's frames, channels from 0 to 1; on the CPU."""
    squares = [
        (model.reconstruct(frames) - frames).square().mean(dim=(1, 2, 3, 4)).cpu()
        for frames in lesson.iter_frames(mirror=False)
    ]
    return torch.cat(squares)
