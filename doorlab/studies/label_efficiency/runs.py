"""The training runs of `doorlab study`: which there are, and how each is done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.configs import updated
from doorlab.data.dataset import DoorDataset
from doorlab.errors import ConfigError, ResultError
from doorlab.learning.run_context import generation_key
from doorlab.learning.run_folder import read_metrics
from doorlab.limits import Limits
from doorlab.models.architecture import Architecture
from doorlab.models.description import read_description
from doorlab.models.registry import reward_model_spec
from doorlab.run_layout import METRICS_FILE
from doorlab.runtime.devices import resolve_device
from doorlab.serialization import to_json
from doorlab.stages import pretrain, train
from doorlab.storage.json_schema import Maybe, misfit
from doorlab.studies.label_efficiency import scores
from doorlab.studies.label_efficiency.config import Config
from doorlab.studies.runs import run_parallel
from doorlab.training.config import differing

# Settings of the architecture that other pretrained models than this one do not look at.
_OF_CONTRAST = ("contrastive_statistician", (
    "contrast_weight", "frame_contrast_weight", "view_shift", "independence_weight",
    "decode_fraction",
))  # fmt: skip


@dataclass(frozen=True)
class StudyRun:
    """One training run of the study, or of a model that others stand on or begin with."""

    model: str
    rate: float
    seed: int
    labelled: int | None = None
    """None for a pretrained model, which has no labels."""

    @property
    def name(self) -> str:
        """Its folder, below the study's."""
        kind = "pretrained" if self.labelled is None else f"labelled-{self.labelled}"
        return f"{kind}/{self.place}"

    @property
    def place(self) -> str:
        """The same among runs of its kind."""
        return f"{self.model}/rate-{self.rate:g}/seed-{self.seed}"

    @property
    def base(self) -> StudyRun | None:
        """The pretrained run that it stands on, or begins with: of the same rate and seed."""
        if self.labelled is None:
            return None
        kind = reward_model_spec(self.model).pretrained
        return StudyRun(kind, self.rate, self.seed) if kind else None


def choose_rates(config: Config, dataset: DoorDataset) -> dict[str, float]:
    """Model -> the learning rate with which it errs least on validation doors."""
    if len(config.learning_rates) == 1:
        return dict.fromkeys(config.models, config.learning_rates[0])
    trials = [
        StudyRun(model, rate, config.seeds[0], config.tune_labels)
        for model in config.models
        for rate in config.learning_rates
    ]
    do_all(config, dataset, trials)
    errors = {(t.model, t.rate): validation_error(config.out / t.name) for t in trials}
    return {
        model: min(config.learning_rates, key=lambda rate: errors[model, rate])
        for model in config.models
    }


def validation_error(folder: Path) -> float:
    """Squared error on validation doors, as a mean over the numbers of interactions seen."""
    figures = read_metrics(folder)["figures"]
    found = [v for k, v in figures.items() if k.startswith("validation_reward_mse_after_")]
    wrong = misfit(found, [Maybe({"mean": Limits()})])
    if wrong or not found:
        got = wrong or "none"
        raise ResultError(f"validation errors in {folder / METRICS_FILE}", got, "train it again")
    return float(np.mean([v["mean"] if v else math.inf for v in found]))  # undefined: no choice


def check_pretrained(config: Config, dataset: DoorDataset, opened: Iterable[DoorDataset]) -> None:
    """Raises ConfigError for models of --pretrained whose figures would not be what they seem.

    Seeds that were not pretrained alike are no replicates, be they all there or some yet to be
    made; and models that have seen the doors that they are tested on may know them.

    Args:
        config: of the study.
        dataset: that its models learn from.
        opened: all datasets that it tests them on.
    """
    if config.pretrained is None:
        return
    opened = list(opened)
    kinds = [reward_model_spec(model).pretrained for model in config.models]
    for kind in dict.fromkeys(kind for kind in kinds if kind):
        runs = [
            StudyRun(kind, rate, seed) for rate in config.learning_rates for seed in config.seeds
        ]
        found = {run: _folder_of(config, run) for run in runs}
        there = {run: folder for run, folder in found.items() if folder != config.out / run.name}
        raised = {folder: _pretraining_settings(folder, kind) for folder in there.values()}
        for folder in raised:
            check_no_test_leakage(folder, opened)
        if len(there) < len(runs):
            raised[config.out / "pretrained" / kind] = _own_pretraining_settings(
                config, dataset, kind
            )
        check_same_pretraining(kind, raised)


def _pretraining_settings(folder: Path, kind: str) -> dict[str, Any]:
    """What must be the same in all seeds of a pretrained model, and their learning rates."""
    metrics = read_metrics(folder)
    steps, checksum = metrics["config"]["steps"], metrics["dataset_checksum"]
    return {
        "steps": steps,
        "dataset": checksum,
        **_sizes(read_description(folder).architecture, kind),
    }


def _own_pretraining_settings(config: Config, dataset: DoorDataset, kind: str) -> dict[str, Any]:
    """The same of those that the study pretrains itself."""
    steps = config.pretrain_steps or pretrain.default_steps(config.preset, kind)
    return {"steps": steps, "dataset": dataset.checksum, **_sizes(config.architecture, kind)}


def _sizes(architecture: Architecture, kind: str) -> dict[str, Any]:
    """Of the networks that are pretrained: the reward networks' are as may be."""
    sizes = to_json(architecture.with_reward_config(Architecture()))
    contrastive, idle = _OF_CONTRAST
    if kind == contrastive:
        idle = ()
    return {f"architecture.{name}": v for name, v in sizes.items() if name not in idle}


def check_same_pretraining(kind: str, raised: Mapping[Path, Mapping[str, Any]]) -> None:
    """Raises ConfigError unless all seeds of a model were pretrained with the same settings."""
    (first, known), *others = raised.items()
    for folder, other in others:
        changed = differing(known, other)
        if changed:
            raise ConfigError(
                f"all seeds of {kind} pretrained as in {first}",
                f"others for {folder}: {', '.join(changed)}",
                "pretrain all of them alike, name fewer --seeds or --learning-rates, or leave "
                "--pretrained out",
            )


def check_no_test_leakage(folder: Path, opened: Iterable[DoorDataset]) -> None:
    """Raises ConfigError for a model that was pretrained on doors that it is tested on."""
    metrics = read_metrics(folder)
    drawn = metrics["generation_key"]
    for doors in opened:
        others = metrics["dataset_checksum"] != doors.checksum
        if others and drawn and drawn == generation_key(doors):
            raise ConfigError(
                f"models that have seen no test door of {doors.path}",
                f"one in {folder} of other doors of the prior {drawn['prior']} and the seed "
                f"{drawn['seed']}, of which test doors may be some",
                "pretrain with doors of another seed, or leave --pretrained out",
            )


def do_all(config: Config, dataset: DoorDataset, runs: Sequence[StudyRun]) -> None:
    """Trains and scores models, after those that they stand on or begin with."""
    bases = dict.fromkeys(run.base for run in runs if run.base)
    missing = [base for base in bases if _folder_of(config, base) == config.out / base.name]
    run_parallel(
        partial(pretrain_run, config, dataset.path), missing, config.workers, "study, pretraining"
    )
    run_parallel(partial(train_run, config, dataset.path), runs, config.workers, "study, training")


def pretrain_run(config: Config, data: Path, run: StudyRun) -> None:
    """Pretrains one model, or what is missing of that."""
    base = pretrain.PRESETS[config.preset]
    frames = DoorDataset.open(data).frames
    pretrain.run(
        updated(
            base, model=run.model, data=data, out=config.out / run.name, seed=run.seed,
            steps=config.pretrain_steps, lr=run.rate, frames=min(base.frames, frames),
            validate_every=config.validate_every, architecture=config.architecture, resume=True,
            device=config.device,
        )
    )  # fmt: skip


def train_run(config: Config, data: Path, run: StudyRun) -> None:
    """Trains and scores one model, or what is missing of that."""
    base, dataset = train.PRESETS[config.preset], DoorDataset.open(data)
    assert run.labelled is not None
    looking = _looking_steps(config, run)
    folder = train.run(
        updated(
            base, model=run.model, data=data, out=config.out / run.name, seed=run.seed,
            pretrained=_folder_of(config, run.base) if run.base else None, labelled=run.labelled,
            steps=looking + config.process_steps,
            encoder_fraction=looking / max(1, looking + config.process_steps),
            lr=run.rate,
            frames=min(base.frames, dataset.frames), validate_every=config.validate_every,
            architecture=architecture_of(config, run.model), resume=True,
            device=config.device,
        )
    )  # fmt: skip
    scores.score(folder, dataset, config.test_doors, resolve_device(config.device))


def architecture_of(config: Config, model: str) -> Architecture:
    """The study's, with what pictures weigh in this model."""
    weight = vars(config.reconstruction_weights).get(model)
    if weight is None:
        return config.architecture
    return replace(config.architecture, reconstruction_weight=weight)


def _looking_steps(config: Config, run: StudyRun) -> int:
    if reward_model_spec(run.model).frozen_encoder is not None:
        return 0
    return config.finetune_steps if run.base else config.encoder_steps


def _folder_of(config: Config, base: StudyRun) -> Path:
    """Of a pretrained model: where it is already, or where it is to be made."""
    if config.pretrained is not None:
        there = config.pretrained / base.place
        if (there / METRICS_FILE).exists():
            return there
    return config.out / base.name
