"""Learn to predict what an action on a door would achieve, from pictures and interactions.

Models: np is trained end to end on labelled doors alone; ssnp also learns from the frames of all
doors at the same time (Liu et al. 2024); vae_np, statistician_np and contrastive_np put a
neural process on the frozen embedding of a model of `doorlab pretrain`; cnp is np without a latent;
attentive_np and attentive_ssnp are np and ssnp whose actions also recall single interactions;
contrastive_ssnp is ssnp whose context learner is a contrastive statistician. With --pretrained the
context learner of an ssnp begins as a model of `doorlab pretrain`, and goes on learning.
Labelled doors are the first --labelled of the training split, so that a smaller set is part of
every larger one.

With --online no door is seen twice: every step draws fresh ones from a prior, films and tries them,
on the device. All of them are labelled, and after the steps of looking the frozen encoder looks at
them as they come.

When looking ends, the encoder is frozen as it was at its best, embeddings are whitened, and the
process starts anew; then the few doors that are labelled each stand for others like them
(--embedding-noise).

Every --validate-every steps the model predicts rewards of validation doors; the run ends with the
weights that did so best (--no-keep-best: with the last).

Writes OUT/model.json, weights.safetensors, familiarity.safetensors (what its doors look like),
metrics.json and tensorboard/. A run that was stopped,
or killed, goes on with --resume and ends as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import torch
from torch import Tensor, nn

from doorlab.data.dataset import DoorDataset
from doorlab.data.tensors.batches import DoorData, RewardBatch
from doorlab.errors import CheckpointError, ConfigError
from doorlab.evaluation.reward_metrics import figures, mean_error, means, predictions_on
from doorlab.learning.config import (
    check_doors,
    dataset_image_size,
    finish,
    finished_before,
    load_settings,
    open_data,
    report_stop,
    resolved,
    run_settings,
    with_preset,
)
from doorlab.learning.embedding_cache import EmbeddedBatch
from doorlab.learning.familiarity import fresh_doors_to_compare, write_familiarity
from doorlab.learning.online import OnlineDataLoader, check_fresh, load_validation, whitening_doors
from doorlab.learning.phases import NUM_WHITENING_DOORS, turn
from doorlab.learning.reward_batches import BatchConfig, fresh_batches, plans, recorded_batches
from doorlab.limits import NonNegativeInt
from doorlab.models.architecture import Architecture
from doorlab.models.description import read_description
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.models.encoders.vae import VAE
from doorlab.models.io import load_model, weights_checksum
from doorlab.models.registry import (
    BASES,
    BEGINNINGS,
    JOINT,
    REWARD_MODELS,
    build_model,
    set_pretrained,
)
from doorlab.options import Option
from doorlab.runtime.torch_state import process_defaults
from doorlab.seeding import integer_seed
from doorlab.storage.folders import output_folder
from doorlab.training import FitResult, Task, Turn, fit, launch
from doorlab.training.fabric import Fabric
from doorlab.training.loop import Batches

_CONTEXTS = (0, 1, 4, 10)  # interactions seen when the validation error is measured


@dataclass(frozen=True)
class Config(BatchConfig):
    """Which reward model, from how many labels, and how long."""

    model: Annotated[str, Option(tuple(REWARD_MODELS))] = "ssnp"
    """np, cnp, attentive_np, ssnp, attentive_ssnp, contrastive_ssnp, vae_np, statistician_np or
    contrastive_np."""
    pretrained: Path | None = None
    """Run of `doorlab pretrain`: of a vae for vae_np, of a statistician for statistician_np, of a
    contrastive_statistician for contrastive_np. If you like, also of a statistician for ssnp and
    attentive_ssnp, of a contrastive_statistician for contrastive_ssnp: what they begin with."""
    out: Path = Path("runs/train")
    """Folder of the run."""
    labelled: NonNegativeInt = 0
    """Training doors whose interactions are learned from, the first of the split; 0 for all. With
    --online, where every door is labelled, it does not count."""


PRESETS: dict[str, Config] = {
    "tiny": Config(labelled=800),
    "small": with_preset(Config(), "small", unlabelled_batch=32, frames=5),
    "full": with_preset(Config(), "full", batch=128, unlabelled_batch=128, frames=8),
}

STEPS: dict[str, dict[str, int]] = {
    "tiny": {model: 1500 if model in BASES else 2200 for model in REWARD_MODELS},
    "small": dict.fromkeys(REWARD_MODELS, 20_000),
    "full": dict.fromkeys(REWARD_MODELS, 100_000),
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
    config = resolved(config, REWARD_MODELS, STEPS)
    if config.online:
        config = replace(config, labelled=0)
    dataset = open_data(config)
    _check(config, dataset)
    settings = run_settings(config, dataset)
    if config.pretrained is not None:
        before = load_settings(config.out) if config.resume else {}
        size = dataset_image_size(config, dataset)
        settings["pretrained"] = _fingerprint(config.pretrained, size, before.get("pretrained"))
    _build(config, dataset)  # or say why not, before anything is removed or written
    with output_folder(config.out) as was_killed:
        if not finished_before(config, settings, was_killed):
            outcome = launch(_train, config, config, settings)
            if not outcome.finished:
                report_stop(config, outcome)
    return config.out


def _check(config: Config, dataset: DoorDataset | None) -> None:
    if dataset is not None:
        dataset.require("rewards")
        if dataset.interactions < 1:
            raise ConfigError(
                f"interactions to learn from, or to be measured by, in {dataset.path}",
                "none",
                "generate it with --interactions 32",
            )
    if dataset is None or config.online:
        check_fresh(config)
    else:
        _check_recorded(config, dataset)
    if config.batch < 2 * config.devices:
        raise ConfigError(
            "--batch of 2 or more doors per device, whose embeddings are compared",
            f"{config.batch}",
            "raise it",
        )
    if config.model == "contrastive_ssnp" and config.frames < 2:
        raise ConfigError(
            "--frames of 2 or more for contrastive_ssnp, which compares halves",
            f"{config.frames}",
            "raise it",
        )
    _check_pretrained(config)


def _check_pretrained(config: Config) -> None:
    needs, takes = BASES.get(config.model), BEGINNINGS.get(config.model)
    if needs and config.pretrained is None:
        raise ConfigError(
            f"--pretrained with the run of a {needs} for {config.model}", "none",
            f"run `doorlab pretrain --model {needs}` first",
        )  # fmt: skip
    if config.pretrained is not None and not needs and not takes:
        raise ConfigError(
            f"no --pretrained for {config.model}", f"{config.pretrained}", "leave it out"
        )


def _check_recorded(config: Config, dataset: DoorDataset) -> None:
    check_doors(config, dataset, config.labelled)
    if dataset.interactions < config.context + config.targets:
        raise ConfigError(
            f"--context + --targets within the {dataset.interactions} interactions of a door",
            f"{config.context} + {config.targets}",
            "ask for fewer, or generate more with --interactions",
        )


def _fingerprint(run: Path, size: int, before: dict[str, Any] | None) -> dict[str, Any]:
    """What identifies a pretrained run. Raises CheckpointError when it can't be built upon.

    Args:
        run: the pretrained one.
        size: of the frames, pixels.
        before: the same as a run noted it that is gone on with; those of an earlier doorlab know
            nothing of weights.
    """
    about = read_description(run)
    if about.image_size != size:
        raise CheckpointError(
            f"a model for frames of {size} pixels, as doors have here",
            f"one for {about.image_size} pixels in {run}",
            "pretrain with the same image size",
        )
    if before is not None and "weights" not in before:
        return dict(about.document)
    return {**about.document, "weights": weights_checksum(run)}


def _train(fabric: Fabric, config: Config, settings: dict[str, Any]) -> FitResult:
    dataset = open_data(config)
    model, architecture = _build(config, dataset)
    run = partial(_fit, fabric, config, settings, dataset, model, architecture)
    turning = partial(turn, config, deepcopy(model.process.state_dict()))
    if dataset is not None and not config.online:
        labelled = DoorData.load(dataset, "train", fabric.device, config.labelled or None)
        everything = labelled
        if config.model in JOINT or config.model in BASES:
            everything = DoorData.load(dataset, "train", fabric.device)
        doors = {"labelled_doors": len(labelled), "frame_doors": len(everything)}
        batches = recorded_batches(config, model, labelled, everything)
        turned = turning(lambda: everything, len(labelled))
        return run(_Doors(batches, turned, lambda: doors, lambda held_out: (everything, held_out)))
    with OnlineDataLoader(config, fabric, plans(config)) as fresh:
        turned = turning(partial(whitening_doors, config, fabric.device, NUM_WHITENING_DOORS), None)
        batches = fresh_batches(config, model, fresh)
        never_met = partial(fresh_doors_to_compare, config, fabric.device)
        return run(_Doors(batches, turned, fresh.figures, lambda held_out: never_met()))


@dataclass(frozen=True)
class _Doors:
    """What a run learns from."""

    batches: Batches
    turning: Turn
    figures: Callable[[], dict[str, Any]]
    """How many doors they were, once all is done."""
    to_compare: Callable[[DoorData | None], tuple[DoorData, DoorData | None]]
    """Given validation doors: doors like those of training, and others that were held out."""


def _fit(
    fabric: Fabric,
    config: Config,
    settings: dict[str, Any],
    dataset: DoorDataset | None,
    model: Any,
    architecture: Architecture,
    doors: _Doors,
) -> FitResult:
    interactions = config.context + config.targets
    validation = load_validation(config, dataset, fabric.device, interactions)
    task = Task(
        loss=_loss,
        batches=doors.batches,
        batch=config.batch,
        name=config.model,
        validate=partial(_validation, validation) if validation else None,
        error_of=mean_error if config.keep_best else None,
        turn=doors.turning,
        settings=settings,
    )
    outcome = fit(fabric, model, task, config, config.out)
    if outcome.finished and fabric.is_global_zero:
        found = doors.figures()
        if outcome.best_step is not None:
            found["best_step"] = outcome.best_step
        found |= _figures(model.eval(), validation, config.seed) if validation else {}
        prior = dataset.generation.prior if dataset and not config.online else config.prior
        write_familiarity(config, model.eval(), *doors.to_compare(validation), prior)
        finish("train", config, dataset, model, architecture, outcome, found, settings)
    return outcome


def _build(config: Config, dataset: DoorDataset | None) -> tuple[Any, Architecture]:
    """The model with fresh weights, under which those of a pretrained one may lie."""
    architecture, base = config.architecture, None
    if config.pretrained is not None:
        kind = (BASES | BEGINNINGS)[config.model]
        base = cast(VAE | NeuralStatistician, load_model(config.pretrained, kind))
        architecture = base.architecture.with_reward_config(architecture)
    torch.manual_seed(integer_seed(config.seed, "weights"))
    model = build_model(config.model, dataset_image_size(config, dataset), architecture)
    if base is not None:
        set_pretrained(model, config.model, base)
    return model, architecture


def _loss(model: Any, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Of remembered doors, of doors to look at, or of the same with more frames."""
    if isinstance(batch, EmbeddedBatch):
        return model.reward_loss(batch.embedding_BE, batch.tries)
    if isinstance(batch, RewardBatch):
        return model.loss(batch)
    return model.joint_loss(*batch)


def _validation(doors: DoorData, model: nn.Module) -> dict[str, float]:
    return means(predictions_on(model, doors, _CONTEXTS))


def _figures(model: nn.Module, doors: DoorData, seed: int) -> dict[str, Any]:
    found = figures(predictions_on(model, doors), seed)
    return {
        "validation_reward_variance": float(doors.rewards.var()),
        **{f"validation_{name}": estimate for name, estimate in found.items()},
    }
