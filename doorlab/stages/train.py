"""Train a reward model: predict the reward of an action on a door from frames and interactions.

Models:

- np: an encoder and a neural process, trained end to end on labeled doors;
- cnp: np without a latent; attentive_np: np with attention to single interactions;
- tnp: a transformer neural process in place of the neural process (Nguyen and Grover 2022);
- ssnp: np whose encoder is a neural statistician, trained jointly on the frames of all doors (Liu
  et al. 2024); attentive_ssnp and tnp_ssnp: the same with attention, and with a transformer;
  contrastive_ssnp: the same with a contrastive statistician;
- vae_np, statistician_np, contrastive_np, statistician_tnp: a neural process on the frozen encoder
  of a run of `doorlab pretrain`, given with --pretrained.

Training has two phases. The encoder phase (--encoder-fraction of the steps) trains the encoder to
predict rewards from frames alone. The process phase freezes the encoder, whitens its embeddings,
starts the neural process from its initial weights, and trains it on interactions. Noise on the
embeddings (--process.embedding-noise) lets each labeled door stand for doors like it. Models on a
frozen encoder have the process phase only. Each phase ends with the weights that have the smallest
squared error on validation doors (--no-keep-best: with the last weights).

Labeled doors are the first --num-labeled doors of the training split, so a smaller set is part of a
larger one. With --online, every step samples, renders and simulates new doors on the device; all of
them are labeled.

Writes OUT/model.json, weights.safetensors, familiarity.safetensors (statistics of the embeddings of
training doors), metrics.json and tensorboard/. --resume continues a run that was stopped or killed;
its weights are bit-identical to those of an uninterrupted run.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from doorlab.data.dataset import DoorDataset
from doorlab.data.tensors.batches import DoorData
from doorlab.errors import CheckpointError, ConfigError
from doorlab.evaluation.reward_metrics import means, predictions_on, summarize
from doorlab.learning.config import (
    check_doors,
    check_min_frames,
    dataset_image_size,
    open_data,
    resolved,
    with_preset,
)
from doorlab.learning.familiarity import fresh_doors_to_compare, write_familiarity
from doorlab.learning.online import OnlineDataLoader, check_fresh, load_validation
from doorlab.learning.phases import recorded_phases, streamed_phases
from doorlab.learning.reward_batches import StreamSchedules
from doorlab.learning.reward_config import RewardConfig
from doorlab.learning.run_context import RunContext
from doorlab.learning.training_doors import load_training_doors
from doorlab.models.architecture import Architecture
from doorlab.models.description import read_description
from doorlab.models.hub.locate import find_model
from doorlab.models.io import load_model, weights_checksum
from doorlab.models.registry import reward_model_spec, set_pretrained
from doorlab.models.reward.base import RewardModel
from doorlab.runtime.torch_state import process_defaults
from doorlab.seeding import integer_seed
from doorlab.training import FitResult, Phase, TrainingTask, fit
from doorlab.training.fabric import Fabric

_CONTEXTS = (0, 1, 4, 10)  # sizes of the context set in validation


Config = RewardConfig

PRESETS: dict[str, Config] = {
    "tiny": Config(num_labeled=50),
    "small": with_preset(Config(), "small", unlabeled_batch_size=32, frames=5),
    "full": with_preset(Config(), "full", batch_size=128, unlabeled_batch_size=128, frames=8),
}

_STEPS = {"tiny": 1_800, "small": 20_000, "full": 100_000}
_FROZEN_ENCODER_STEPS = {**_STEPS, "tiny": 1_200}  # they have no encoder phase


def default_steps(preset: str, model: str, encoder_given: bool = False) -> int:
    """Default steps of a model in a preset.

    Args:
        preset: name of the preset.
        model: name of the model.
        encoder_given: whether the encoder of another run is used.
    """
    frozen = encoder_given or reward_model_spec(model).frozen_encoder is not None
    return (_FROZEN_ENCODER_STEPS if frozen else _STEPS)[preset]


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
    steps = partial(default_steps, encoder_given=config.encoder is not None)
    config = resolved(config, steps, PRESETS)
    if config.online:
        config = replace(config, num_labeled=0)
    dataset = open_data(config)
    _check(config, dataset)
    context = RunContext.of("train", config, dataset, **_pretrained_settings(config, dataset))
    _build(context)  # raises errors before any file is removed or written
    return context.run(_train)


def _check(config: Config, dataset: DoorDataset | None) -> None:
    if dataset is not None:
        dataset.require("rewards")
        if dataset.interactions < 1:
            raise ConfigError(
                f"interactions in {dataset.path}, to train or validate on",
                "none",
                "generate it with --interactions 32",
            )
    if dataset is None or config.online:
        check_fresh(config)
    else:
        _check_recorded(config, dataset)
    if config.batch_size < 2 * config.compute.devices:
        raise ConfigError(
            "--batch-size of 2 or more doors per device, whose embeddings are compared",
            f"{config.batch_size}",
            "raise it",
        )
    check_min_frames(config, reward_model_spec(config.model).min_frames)
    _check_pretrained(config)


def _check_pretrained(config: Config) -> None:
    spec = reward_model_spec(config.model)
    needs = spec.frozen_encoder
    if needs and config.pretrained is None:
        raise ConfigError(
            f"--pretrained with the run of a {needs} for {config.model}", "none",
            f"run `doorlab pretrain --model {needs}` first",
        )  # fmt: skip
    if config.pretrained is not None and spec.pretrained is None:
        raise ConfigError(
            f"no --pretrained for {config.model}", f"{config.pretrained}", "leave it out"
        )
    if config.encoder is not None and config.pretrained is not None:
        raise ConfigError("--encoder or --pretrained", "both", "leave one of them out")


def _check_recorded(config: Config, dataset: DoorDataset) -> None:
    check_doors(config, dataset, config.num_labeled)
    if dataset.interactions < config.process.context + config.process.targets:
        raise ConfigError(
            f"--context + --targets within the {dataset.interactions} interactions of a door",
            f"{config.process.context} + {config.process.targets}",
            "ask for fewer, or generate more with --interactions",
        )


def _pretrained_settings(config: Config, dataset: DoorDataset | None) -> dict[str, Any]:
    """Values that identify the runs of --pretrained and --encoder.

    Raises CheckpointError if it has another image size, or is damaged.
    """
    given = _given_runs(config)
    return {
        name: _identity(run, dataset_image_size(config, dataset)) for name, run in given.items()
    }


def _given_runs(config: Config) -> dict[str, Path]:
    """The folders of --pretrained and --encoder, as far as they are given."""
    found = {}
    if config.pretrained is not None:
        found["pretrained"] = find_model(config.pretrained, "encoder")
    if config.encoder is not None:
        found["encoder"] = find_model(config.encoder, "reward")
    return found


def _identity(run: Path, size: int) -> dict[str, Any]:
    about = read_description(run)
    if about.image_size != size:
        raise CheckpointError(
            f"a model for frames of {size} pixels, as doors have here",
            f"one for {about.image_size} pixels in {run}",
            "train it with the same image size",
        )
    return {**about.settings, "weights": weights_checksum(run)}


def _build(context: RunContext[Config]) -> tuple[RewardModel, Architecture]:
    """The model with initial weights; a pretrained encoder has the weights of its run."""
    config = context.config
    spec, architecture, base = reward_model_spec(config.model), config.architecture, None
    for name, run in _given_runs(config).items():
        base = load_model(run, config.model if name == "encoder" else spec.pretrained)
        architecture = read_description(run).architecture.with_reward_config(architecture)
    torch.manual_seed(integer_seed(config.seed, "weights"))
    model = spec.build(context.image_size, architecture)
    if isinstance(base, RewardModel):
        model.set_encoder(base)
    elif base is not None:
        set_pretrained(model, config.model, base)
    return model, architecture


def _train(fabric: Fabric, context: RunContext[Config]) -> FitResult:
    if context.dataset is not None and not context.config.online:
        return _train_on_dataset(fabric, context, context.dataset)
    return _train_online(fabric, context)


def _train_on_dataset(
    fabric: Fabric, context: RunContext[Config], dataset: DoorDataset
) -> FitResult:
    config = context.config
    model, architecture = _build(context)
    labels = config.num_labeled or None
    uses_all = reward_model_spec(config.model).learns_from_unlabeled
    everything = load_training_doors(config, fabric, dataset, None if uses_all else labels)
    labeled = everything.first(labels or len(everything))
    validation = _load_validation(fabric, context)
    phases = recorded_phases(config, model, labeled, everything)
    outcome = _fit(fabric, context, model, phases, validation)
    if outcome.finished and fabric.is_global_zero:
        doors = {"labeled_doors": len(labeled), "frame_doors": len(everything)}
        metrics = doors | _metrics(model.eval(), validation, config.seed, outcome)
        prior = dataset.generation.prior
        write_familiarity(config, model, everything, validation, prior)
        context.finish(model, architecture, outcome, metrics)
    return outcome


def _train_online(fabric: Fabric, context: RunContext[Config]) -> FitResult:
    config = context.config
    model, architecture = _build(context)
    validation = _load_validation(fabric, context)
    schedules = StreamSchedules.of(config)
    with OnlineDataLoader(config, fabric, schedules) as doors:
        phases = streamed_phases(config, model, doors, schedules, fabric.device)
        outcome = _fit(fabric, context, model, phases, validation)
        if outcome.finished and fabric.is_global_zero:
            metrics = doors.metrics() | _metrics(model.eval(), validation, config.seed, outcome)
            compared = fresh_doors_to_compare(config, fabric.device)
            write_familiarity(config, model, *compared, config.stream.prior)
            context.finish(model, architecture, outcome, metrics)
    return outcome


def _load_validation(fabric: Fabric, context: RunContext[Config]) -> DoorData | None:
    interactions = context.config.process.context + context.config.process.targets
    return load_validation(context.config, context.dataset, fabric.device, interactions)


def _fit(
    fabric: Fabric,
    context: RunContext[Config],
    model: Any,
    phases: tuple[Phase, ...],
    validation: DoorData | None,
) -> FitResult:
    config = context.config
    validate = partial(_validation, validation) if validation else None
    task = TrainingTask(phases, validate, config.model, context.settings)
    return fit(fabric, model, task, config, config.out)


def _validation(doors: DoorData, model: nn.Module) -> dict[str, float]:
    return means(predictions_on(model, doors, _CONTEXTS))


def _metrics(
    model: nn.Module, doors: DoorData | None, seed: int, outcome: FitResult
) -> dict[str, Any]:
    """Metrics of a finished run on validation doors; empty without validation doors."""
    best = {} if outcome.best_step is None else {"best_step": outcome.best_step}
    if doors is None:
        return best
    metrics = summarize(predictions_on(model, doors), seed)
    return {
        **best,
        "validation_reward_variance": float(doors.rewards.var()),
        **{f"validation_{name}": estimate for name, estimate in metrics.items()},
    }
