"""Learn to predict what an action on a door would achieve, from pictures and interactions.

Models: np is trained end to end on labelled doors alone; ssnp also learns from the frames of all
doors at the same time (Liu et al. 2024); vae_np, statistician_np and contrastive_np put a
neural process on the frozen embedding of a model of `doorlab pretrain`; cnp is np without a latent.
Labelled doors are the first --labelled of the training split, so that a smaller set is part of
every larger one.

With --online no door is seen twice: every step draws fresh ones from a prior, films and tries them,
on the device. All of them are labelled, and after the steps of looking the frozen encoder looks at
them as they come.

Writes OUT/model.json, weights.safetensors, metrics.json and tensorboard/. A run that was stopped,
or killed, goes on with --resume and ends as if nothing had happened.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from doorlab.data.batches import (
    DoorTensors,
    InteractionBatch,
    sample_frames,
    sample_interactions_of,
    sample_rows,
)
from doorlab.data.dataset import DoorDataset
from doorlab.data.fresh import Wanted
from doorlab.data.mirroring import mirror_half, mirror_interactions
from doorlab.errors import CheckpointError, ConfigError
from doorlab.files import read_json
from doorlab.intervals import bootstrap_mean
from doorlab.models.architecture import Architecture
from doorlab.models.io import MODEL_FILE, load_model
from doorlab.models.registry import BASES, REWARD_MODELS, build_model, set_pretrained
from doorlab.models.statistician import NeuralStatistician
from doorlab.models.vae import VAE
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
from doorlab.stages.memory import Memory, Remembered, look_at
from doorlab.stages.online import OnlineDoors, Plan, check_fresh, load_validation
from doorlab.training import Outcome, Task, fit, launch
from doorlab.training.loop import Batches

_CONTEXTS = (0, 1, 4, 10)  # interactions seen when the validation error is measured


@dataclass(frozen=True)
class Config(LearningConfig):
    """Which reward model, from how many labels, and how long."""

    model: str = "ssnp"
    """np, cnp, ssnp, vae_np, statistician_np or contrastive_np."""
    pretrained: Path | None = None
    """Run of `doorlab pretrain`: of a vae for vae_np, of a statistician for statistician_np, of a
    contrastive_statistician for contrastive_np."""
    out: Path = Path("runs/train")
    """Folder of the run."""
    batch: int = 32
    """Labelled doors per step while looking."""
    frames: int = 3
    """Frames per door and step, drawn anew every time."""
    labelled: int = 0
    """Training doors whose interactions are learned from, the first of the split; 0 for all. With
    --online, where every door is labelled, it does not count."""
    unlabelled_batch: int = 8
    """Doors per step, labelled or not, whose frames ssnp also learns to describe."""
    context: int = 10
    """Interactions given before those to be predicted, at most."""
    targets: int = 22
    """Interactions to be predicted, per door and step."""
    look_first: float = 0.33
    """Share of the steps, from the first on, in which no interactions are given, only frames, and
    the encoder learns; then it is frozen, and the process learns from interactions what pictures
    don't tell. Models on frozen embeddings begin with the latter."""
    try_batch: int = 64
    """Labelled doors per step after that: embeddings are remembered, so they cost little."""
    empty_share: float = 0.1
    """Share of doors of which no interaction is given in the steps after that."""
    mirror: bool = True
    """Show every door, and what was done to it, mirrored half of the time."""


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


def run(config: Config) -> Path:
    """Trains the model; returns the run's folder.

    Raises:
        ConfigError, DatasetError, CheckpointError: for input that can't be used.
        ResultError: for an earlier run that is neither to be resumed nor replaced.
        TrainingError: when the loss is no longer finite.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, once a checkpoint is written.
    """
    config = resolved(config, REWARD_MODELS, STEPS)
    if config.online:
        config = replace(config, labelled=0)
    dataset = open_data(config)
    _check(config, dataset)
    settings = settings_of(config, dataset)
    if config.pretrained is not None:
        settings["pretrained"] = _fingerprint(config.pretrained, size_of(config, dataset))
    _build(config, dataset)  # or say why not, before anything is removed or written
    if not finished_before(config, settings):
        outcome = launch(_train, config, config, settings)
        if not outcome.finished:
            report_stop(config, outcome)
    return config.out


def _check(config: Config, dataset: DoorDataset | None) -> None:
    if dataset is not None:
        dataset.require("rewards")
    if dataset is None or config.online:
        check_fresh(config)
    else:
        _check_recorded(config, dataset)
    least = {"context": 0, "targets": 1, "unlabelled_batch": 1, "try_batch": 1}
    for name, low in least.items():
        if getattr(config, name) < low:
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"{flag} of {low} or more", f"{getattr(config, name)}", "correct it")
    for name in ("empty_share", "look_first"):
        if not 0.0 <= getattr(config, name) <= 1.0:
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"{flag} from 0 to 1", f"{getattr(config, name)}", "correct it")
    if (config.model in BASES) != (config.pretrained is not None):
        base = BASES.get(config.model)
        raise ConfigError(
            f"--pretrained with the run of a {base} for {config.model}"
            if base
            else f"no --pretrained for {config.model}",
            str(config.pretrained or "none"),
            f"run `doorlab pretrain --model {base}` first" if base else "leave it out",
        )


def _check_recorded(config: Config, dataset: DoorDataset) -> None:
    check_doors(config, dataset, config.labelled)
    if dataset.interactions < config.context + config.targets:
        raise ConfigError(
            f"--context + --targets within the {dataset.interactions} interactions of a door",
            f"{config.context} + {config.targets}",
            "ask for fewer, or generate more with --interactions",
        )


def _fingerprint(run: Path, size: int) -> dict[str, Any]:
    """What identifies a pretrained run. Raises CheckpointError when it can't be built upon."""
    about = read_json(run / MODEL_FILE, CheckpointError)
    if about.get("image_size") != size:
        raise CheckpointError(
            f"a model for frames of {size} pixels, as doors have here",
            f"one for {about.get('image_size')} pixels in {run}",
            "pretrain with the same image size",
        )
    return about


def _train(fabric: Fabric, config: Config, settings: dict[str, Any]) -> Outcome:
    dataset = open_data(config)
    model, architecture = _build(config, dataset)
    run = partial(_fit, fabric, config, settings, dataset, model, architecture)
    if dataset is not None and not config.online:
        labelled = DoorTensors.load(dataset, "train", fabric.device, config.labelled or None)
        everything = labelled
        if config.model == "ssnp":
            everything = DoorTensors.load(dataset, "train", fabric.device)
        doors = {"labelled_doors": len(labelled), "frame_doors": len(everything)}
        return run(_batches(config, model, labelled, everything), lambda: doors)
    with OnlineDoors(config, fabric, _plans(config)) as fresh:
        return run(_fresh_batches(config, model, fresh), fresh.figures)


def _fit(
    fabric: Fabric,
    config: Config,
    settings: dict[str, Any],
    dataset: DoorDataset | None,
    model: Any,
    architecture: Architecture,
    batches: Batches,
    about_doors: Callable[[], dict[str, Any]],
) -> Outcome:
    interactions = config.context + config.targets
    validation = load_validation(config, dataset, fabric.device, interactions)
    task = Task(
        loss=_loss,
        batches=batches,
        batch=config.batch,
        validate=partial(_validation, validation) if validation else None,
        settings=settings,
    )
    outcome = fit(fabric, model, task, config, config.out)
    if outcome.finished and fabric.is_global_zero:
        figures = about_doors()
        figures |= _figures(model.eval(), validation, config.seed) if validation else {}
        finish("train", config, dataset, model, architecture, outcome, figures, settings)
    return outcome


def _build(config: Config, dataset: DoorDataset | None) -> tuple[Any, Architecture]:
    """The model with fresh weights, under which those of a pretrained one may lie."""
    architecture, base = config.architecture, None
    if config.pretrained is not None:
        base = cast(VAE | NeuralStatistician, load_model(config.pretrained, BASES[config.model]))
        architecture = base.architecture
    torch.manual_seed(integer_seed(config.seed, "weights"))
    model = build_model(config.model, size_of(config, dataset), architecture)
    if base is not None:
        set_pretrained(model, config.model, base)
    return model, architecture


def _batches(config: Config, model: Any, labelled: DoorTensors, everything: DoorTensors) -> Batches:
    """Batches to look at doors in the first steps, and to remember them in the others."""
    memory = Memory(model, labelled, config.frames, config.seed, config.mirror)
    looking, unlabelled = _looking_steps(config), _share(config, config.unlabelled_batch)

    def batch_of(step: int, generator: torch.Generator, doors: int) -> Any:
        if step >= looking:
            share = _share(config, config.try_batch)
            return memory.sample(
                share, generator, config.context, config.targets, config.empty_share
            )
        rows = sample_rows(labelled, doors, generator)
        batch = interaction_batch(labelled, rows, config, generator, empty_share=1.0)
        if config.model != "ssnp":
            return batch
        frames = sample_frames(everything, unlabelled, config.frames, generator)
        return batch, mirror_half(frames, generator) if config.mirror else frames

    return batch_of


def _fresh_batches(config: Config, model: Any, doors: OnlineDoors) -> Batches:
    """The same of fresh doors: in the other steps the frozen encoder looks at them as they come."""

    def batch_of(step: int, generator: torch.Generator, count: int) -> Any:
        fresh, every = doors.at(step), torch.arange(count)
        if "look" not in fresh:
            every = torch.arange(_share(config, config.try_batch))
            share = config.empty_share
            return look_at(model, interaction_batch(fresh["try"], every, config, generator, share))
        batch = interaction_batch(fresh["look"], every, config, generator, empty_share=1.0)
        if config.model != "ssnp":
            return batch
        frames = fresh["unlabelled"].images.float() / 255.0
        return batch, mirror_half(frames, generator) if config.mirror else frames

    return batch_of


def _plans(config: Config) -> list[Plan]:
    """The doors that the steps of an online run want."""
    looking, tries = _looking_steps(config), config.context + config.targets

    def plan(name: str, doors: int, interactions: int, steps: range) -> Plan:
        every = config.devices * _share(config, doors)
        return Plan(Wanted(name, every, config.frames, interactions), steps)

    plans = [
        plan("look", config.batch, tries, range(looking)),
        plan("try", config.try_batch, tries, range(looking, config.steps)),
    ]
    if config.model == "ssnp":
        plans.append(plan("unlabelled", config.unlabelled_batch, 0, range(looking)))
    return plans


def _looking_steps(config: Config) -> int:
    """Steps in which the encoder learns."""
    return 0 if config.model in BASES else math.ceil(config.look_first * config.steps)


def _share(config: Config, doors: int) -> int:
    """Of so many doors per step, those of one process."""
    return max(1, doors // config.devices)


def interaction_batch(
    doors: DoorTensors,
    rows: Tensor,
    config: Config,
    generator: torch.Generator,
    empty_share: float,
) -> InteractionBatch:
    """The doors at `rows`: frames, interactions to learn from, others to predict."""
    found = sample_interactions_of(
        doors, rows, config.frames, generator, config.context, config.targets, empty_share
    )
    chosen = torch.rand(len(rows), generator=generator) < 0.5 * config.mirror
    return mirror_interactions(found, chosen.to(found.x_BMCHW.device))


def _loss(model: Any, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Of a batch of `_batches`: remembered doors, doors to look at, the same with more frames."""
    if isinstance(batch, Remembered):
        return model.reward_loss(batch.embedding_BE, batch.tries)
    if isinstance(batch, InteractionBatch):
        return model.loss(batch)
    return model.joint_loss(*batch)


def squared_errors(model: Any, doors: DoorTensors) -> dict[int, Tensor]:
    """Interactions seen -> (D, T) squared errors of the rewards predicted for the second half."""
    first = doors.actions.shape[1] // 2
    embedding = torch.cat([model.embed(x.float() / 255.0) for x in doors.images.split(64)])
    actions, rewards = doors.actions[:, :first], doors.rewards[:, :first]
    errors = {}
    for seen in [n for n in _CONTEXTS if n <= first]:
        mask = (torch.arange(first, device=rewards.device) < seen).expand_as(rewards)
        said = model.predict(embedding, actions, rewards, mask, doors.actions[:, first:])
        errors[seen] = (said.mean - doors.rewards[:, first:]).square()
    return errors


def _validation(doors: DoorTensors, model: nn.Module) -> dict[str, float]:
    """Mean squared errors by the number of interactions seen."""
    errors = {seen: float(e.mean()) for seen, e in squared_errors(model, doors).items()}
    return {f"reward_mse_after_{seen}": error for seen, error in errors.items()}


def _figures(model: nn.Module, doors: DoorTensors, seed: int) -> dict[str, Any]:
    with torch.no_grad():
        errors = squared_errors(model, doors)
    return {
        "validation_reward_variance": float(doors.rewards.var()),
        **{
            f"validation_reward_mse_after_{seen}": bootstrap_mean(e.cpu().numpy(), seed=seed)
            for seen, e in errors.items()
        },
    }
