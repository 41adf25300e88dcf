"""Pretrain an encoder of doors on frames, without actions and rewards.

Models:

- statistician: a neural statistician (Edwards & Storkey 2017). It encodes several frames of a door
  into a context latent, which the frames share, and an instance latent per frame (opening angle,
  camera);
- contrastive_statistician: a statistician whose context latent must also identify the door among
  others and mirror images (InfoNCE);
- disentangled_statistician: the same, and its instance latents must not identify the door. A step
  takes about twice as long;
- context-free baselines on single frames: vae, autoencoder, pca (fitted in closed form) and
  random_features (an encoder that is not trained);
- supervised: an upper reference, the only model that is trained on the true parameters of doors.

All models get the same frames; all models that take steps get the same number of steps. `doorlab
probe` measures which parameters an embedding encodes.

With --online, every step samples and renders new doors from a prior, on the device.

Writes OUT/model.json, weights.safetensors, metrics.json and tensorboard/; of a model that samples
doors also latent_density.safetensors, a density of its latent over the training doors, from which
`doorlab diagnose` and `doorlab plot` sample. --resume continues a run
that was stopped or killed; its weights are bit-identical to those of an uninterrupted run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import door_array
from doorlab.data.tensors.augmentation import random_mirror
from doorlab.data.tensors.stream import StreamSpec
from doorlab.errors import ConfigError
from doorlab.intervals import bootstrap_mean
from doorlab.learning.config import (
    LearningConfig,
    check_doors,
    check_min_frames,
    open_data,
    resolved,
    with_preset,
)
from doorlab.learning.familiarity import fresh_doors_to_compare
from doorlab.learning.latent_density import write_latent_density
from doorlab.learning.online import OnlineDataLoader, StreamSchedule, check_fresh, load_validation
from doorlab.learning.pretraining_set import PretrainingSet, fit_label_normalizer, with_labels
from doorlab.learning.run_context import RunContext
from doorlab.learning.training_doors import batches_ahead, load_training_doors
from doorlab.limits import NonNegativeInt
from doorlab.models.encoders.base import FitsLatentDensity, Reconstructs
from doorlab.models.registry import ENCODERS, encoder_spec
from doorlab.nn.images import to_float
from doorlab.objectives.rankme import rankme
from doorlab.options import Option
from doorlab.runtime.torch_state import process_defaults
from doorlab.seeding import integer_seed
from doorlab.training import FitResult, OptimConfig, fit, single_phase
from doorlab.training.fabric import Fabric
from doorlab.training.task import Batches


@dataclass(frozen=True)
class Config(LearningConfig):
    """The settings of `doorlab pretrain`."""

    model: Annotated[str, Option(ENCODERS)] = "statistician"
    """Model. An import path MODULE:NAME of an EncoderSpec is accepted, too."""
    out: Path = Path("runs/pretrain")
    """Folder of the run."""
    doors: NonNegativeInt = 0
    """Number of training doors, the first of the split; 0 for all."""
    mirror: bool = True
    """Mirror the frames of random doors, half of them on average."""


PRESETS: dict[str, Config] = {
    "tiny": Config(frames=8, optim=OptimConfig(lr=3e-3)),
    "small": with_preset(Config(), "small", batch_size=32, frames=8),
    "full": with_preset(Config(), "full", batch_size=128, frames=8),
}

# Equal for all models with steps, so that comparisons do not depend on the budget.
STEPS_BY_PRESET = {"tiny": 3_000, "small": 4_500, "full": 60_000}


def default_steps(preset: str, model: str) -> int:
    """Default steps of a model in a preset; 0 for models in closed form."""
    return 0 if encoder_spec(model).closed_form else STEPS_BY_PRESET[preset]


@process_defaults()
def run(config: Config) -> Path:
    """Trains the model; returns the run's folder.

    Raises:
        ConfigError, DatasetError, CheckpointError: if an input can't be used.
        ResultError: if the folder contains an earlier run and neither --resume nor --overwrite is
            given, or if another process writes into it.
        TrainingError: if the loss is not finite.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, once a checkpoint is written.
    """
    if encoder_spec(config.model).closed_form and config.steps:
        raise ConfigError(
            f"no --steps for {config.model}, which learns without",
            f"{config.steps}",
            "leave it out",
        )
    config = resolved(config, default_steps, STEPS_BY_PRESET)
    dataset = open_data(config)
    _check(config, dataset)
    context = RunContext.of("pretrain", config, dataset)
    _build(context)  # raises errors before any file is removed or written
    return context.run(_train)


def _check(config: Config, dataset: DoorDataset | None) -> None:
    spec = encoder_spec(config.model)
    check_min_frames(config, spec.min_frames)
    if dataset is not None and not config.online:
        if spec.supervised:
            dataset.require(door_array("hinge_side"))
        check_doors(config, dataset, config.doors)
        return
    if spec.closed_form or spec.supervised:
        raise ConfigError(
            f"a dataset for {config.model}", "--online",
            "remove --online: streamed doors are for models that are trained in steps",
        )  # fmt: skip
    check_fresh(config)
    if config.doors:
        raise ConfigError("no --doors with --online", f"{config.doors}", "leave one of them out")


def _build(context: RunContext[Config]) -> Any:
    """The model with initial weights."""
    config = context.config
    torch.manual_seed(integer_seed(config.seed, "weights"))
    return encoder_spec(config.model).build(context.image_size, config.architecture)


def _train(fabric: Fabric, context: RunContext[Config]) -> FitResult:
    config, dataset, spec = context.config, context.dataset, encoder_spec(context.config.model)
    validation = load_validation(config, dataset, fabric.device)
    val_set = PretrainingSet(validation) if validation else None
    if dataset is None or config.online:
        return _train_online(fabric, context, val_set)
    train_set = PretrainingSet(load_training_doors(config, fabric, dataset, config.doors or None))
    if spec.supervised:
        normalizer = fit_label_normalizer(train_set, dataset)
        train_set = with_labels(train_set, dataset, normalizer)
        val_set = with_labels(val_set, dataset, normalizer) if val_set else None
    model = _build(context)
    if spec.closed_form:
        outcome = _fit_closed_form(fabric, config, model, train_set)
    else:
        batches = partial(train_set.batch, config.frames, config.mirror)
        ahead = batches_ahead(train_set.doors)
        outcome = _fit(fabric, context, model, batches, val_set, ahead)
    if outcome.finished and fabric.is_global_zero:
        held_out = val_set.doors if val_set else None
        write_latent_density(config, model.eval(), train_set.doors, held_out, mirror=config.mirror)
    return _finish(fabric, context, model, outcome, val_set, {})


def _train_online(
    fabric: Fabric, context: RunContext[Config], val_set: PretrainingSet | None
) -> FitResult:
    config = context.config
    wanted = StreamSpec("frames", config.batch_size, config.frames, interactions=0)
    schedule = StreamSchedule(wanted, range(config.steps))
    with OnlineDataLoader(config, fabric, [schedule]) as doors:
        model = _build(context)
        batches = partial(streamed_batch, doors, schedule, config.mirror)
        outcome = _fit(fabric, context, model, batches, val_set)
        fits_density = issubclass(type(model), FitsLatentDensity)
        if outcome.finished and fabric.is_global_zero and fits_density:
            compared = fresh_doors_to_compare(config, fabric.device)
            write_latent_density(config, model.eval(), *compared, mirror=config.mirror)
        return _finish(fabric, context, model, outcome, val_set, doors.metrics())


def _fit(
    fabric: Fabric,
    context: RunContext[Config],
    model: Any,
    batches: Batches,
    val_set: PretrainingSet | None,
    ahead: int = 0,
) -> FitResult:
    config = context.config
    task = single_phase(
        config.model,
        batches,
        _loss,
        config.batch_size,
        ahead,
        validate=partial(_validation, val_set) if val_set else None,
        settings=context.settings,
    )
    return fit(fabric, model, task, config, config.out)


def _fit_closed_form(
    fabric: Fabric, config: Config, model: Any, train_set: PretrainingSet
) -> FitResult:
    """Fits a model in closed form. A stopped run has no checkpoint and is started again."""
    start = time.monotonic()
    model.to(fabric.device).fit(train_set.iter_frames(config.mirror))
    history = {"train": [], "validation": []}
    return FitResult(0, True, False, history, time.monotonic() - start)


def _finish(
    fabric: Fabric,
    context: RunContext[Config],
    model: Any,
    outcome: FitResult,
    val_set: PretrainingSet | None,
    about_doors: dict[str, Any],
) -> FitResult:
    if outcome.finished and fabric.is_global_zero:
        metrics = about_doors | _metrics(model.eval(), val_set, context.config.seed)
        context.finish(model, context.config.architecture, outcome, metrics)
    return outcome


def streamed_batch(
    doors: OnlineDataLoader,
    schedule: StreamSchedule,
    mirror: bool,
    step: int,
    generator: torch.Generator,
    size: int,
) -> tuple[UInt8[Tensor, "B M C H W"]]:
    """Frames of `size` streamed doors, as stored, which only this step uses."""
    frames = doors.at(step, schedule).images[:]
    return (random_mirror(frames, generator) if mirror else frames,)


def _loss(model: Any, batch: tuple[Any, ...]) -> tuple[Tensor, dict[str, Tensor]]:
    stored_BMCHW, *labels = batch
    return model.loss(to_float(stored_BMCHW), *labels)


def _validation(val_set: PretrainingSet, model: Any) -> dict[str, float]:
    """The loss and its parts, averaged over doors, and the RankMe of the embeddings."""
    totals: dict[str, float] = {}
    embeddings: list[Tensor] = []
    for batch in val_set.iter_batches():
        loss, scalars = model.loss(*batch)
        for name, value in {"loss": loss, **scalars}.items():
            share = len(batch[0]) / len(val_set)
            totals[name] = totals.get(name, 0.0) + share * float(value)
        embeddings.append(model.embed(batch[0]))
    return {**totals, "rankme": rankme(torch.cat(embeddings))}


def _metrics(model: Any, val_set: PretrainingSet | None, seed: int) -> dict[str, Any]:
    """Metrics on validation doors, of a model that reconstructs images."""
    if val_set is None or not isinstance(model, Reconstructs):
        return {}
    mse = reconstruction_errors(model, val_set).numpy()
    return {"validation_reconstruction_mse": bootstrap_mean(mse, seed=seed)}


@torch.no_grad()
def reconstruction_errors(model: Any, val_set: PretrainingSet) -> Float[Tensor, " D"]:
    """Mean squared error of every door's frames, channels from 0 to 1; on the CPU."""
    squares = [
        (model.reconstruct(frames) - frames).square().mean(dim=(1, 2, 3, 4)).cpu()
        for frames in val_set.iter_frames(mirror=False)
    ]
    return torch.cat(squares)
