"""The training runs of `doorlab study`, and checks of pretrained runs."""

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
from doorlab.evaluation.unseen_doors import generation_key
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

# Settings of the architecture that only these models use.
_CONTRASTIVE = ("contrast_weight", "contrast_frames", "view_shift")
_DISENTANGLED = ("frame_contrast_weight", "independence_weight", "decode_fraction")
_USED = {
    "contrastive_statistician": _CONTRASTIVE,
    "disentangled_statistician": (*_CONTRASTIVE, *_DISENTANGLED),
}


@dataclass(frozen=True)
class StudyRun:
    """One training run of the study: a reward model, or a pretrained encoder."""

    model: str
    rate: float
    seed: int
    num_labeled: int | None = None
    """Number of labeled doors; None for a pretrained encoder."""

    @property
    def name(self) -> str:
        """Folder of the run, relative to that of the study."""
        kind = "pretrained" if self.num_labeled is None else f"labeled-{self.num_labeled}"
        return f"{kind}/{self.place}"

    @property
    def place(self) -> str:
        """Folder of the run, relative to the folder of its kind."""
        return f"{self.model}/rate-{self.rate:g}/seed-{self.seed}"

    @property
    def base(self) -> StudyRun | None:
        """The pretrained run, if any, of the encoder; it has the same rate and seed."""
        if self.num_labeled is None:
            return None
        kind = reward_model_spec(self.model).pretrained
        return StudyRun(kind, self.rate, self.seed) if kind else None


def choose_rates(config: Config, dataset: DoorDataset) -> dict[str, float]:
    """Model -> learning rate with the smallest squared error on validation doors."""
    if len(config.learning_rates) == 1:
        return dict.fromkeys(config.models, config.learning_rates[0])
    trials = [
        StudyRun(model, rate, config.seeds[0], config.tune_labels)
        for model in config.models
        for rate in config.learning_rates
    ]
    run_all(config, dataset, trials)
    errors = {(t.model, t.rate): validation_error(config.out / t.name) for t in trials}
    return {
        model: min(config.learning_rates, key=lambda rate: errors[model, rate])
        for model in config.models
    }


def validation_error(folder: Path) -> float:
    """Mean squared error on validation doors, averaged over the sizes of the context set."""
    figures = read_metrics(folder)["metrics"]
    found = [v for k, v in figures.items() if k.startswith("validation_reward_mse_after_")]
    wrong = misfit(found, [Maybe({"mean": Limits()})])
    if wrong or not found:
        got = wrong or "none"
        raise ResultError(f"validation errors in {folder / METRICS_FILE}", got, "train it again")
    return float(
        np.mean([v["mean"] if v else math.inf for v in found])
    )  # an undefined error is never selected


def check_pretrained(
    config: Config, dataset: DoorDataset, test_sets: Iterable[DoorDataset]
) -> None:
    """Raises ConfigError if runs of --pretrained can't be used.

    All seeds of a model must be pretrained with the same settings, and none on test doors.

    Args:
        config: config of the study.
        dataset: training dataset of the study.
        test_sets: all datasets with test doors of the study.
    """
    if config.pretrained is None:
        return
    test_sets = list(test_sets)
    kinds = [reward_model_spec(model).pretrained for model in config.models]
    for kind in dict.fromkeys(kind for kind in kinds if kind):
        runs = [
            StudyRun(kind, rate, seed) for rate in config.learning_rates for seed in config.seeds
        ]
        found = {run: _pretrained_folder(config, run) for run in runs}
        existing = {run: folder for run, folder in found.items() if folder != config.out / run.name}
        settings = {folder: _pretraining_settings(folder, kind) for folder in existing.values()}
        for folder in settings:
            check_no_test_leakage(folder, test_sets)
        if len(existing) < len(runs):
            settings[config.out / "pretrained" / kind] = _own_pretraining_settings(
                config, dataset, kind
            )
        check_same_pretraining(kind, settings)


def _pretraining_settings(folder: Path, kind: str) -> dict[str, Any]:
    """Settings that must be equal for all seeds and learning rates of a pretrained model."""
    metrics = read_metrics(folder)
    steps, checksum = metrics["config"]["steps"], metrics["dataset_checksum"]
    return {
        "steps": steps,
        "dataset": checksum,
        **_sizes(read_description(folder).architecture, kind),
    }


def _own_pretraining_settings(config: Config, dataset: DoorDataset, kind: str) -> dict[str, Any]:
    """The settings of `_pretraining_settings` for runs that the study pretrains."""
    steps = config.pretrain_steps or pretrain.default_steps(config.preset, kind)
    return {"steps": steps, "dataset": dataset.checksum, **_sizes(config.architecture, kind)}


def _sizes(architecture: Architecture, kind: str) -> dict[str, Any]:
    """Fields of the architecture that affect the pretraining of a model."""
    sizes = to_json(architecture.with_reward_config(Architecture()))
    idle = {*_CONTRASTIVE, *_DISENTANGLED}.difference(_USED.get(kind, ()))
    return {f"architecture.{name}": v for name, v in sizes.items() if name not in idle}


def check_same_pretraining(kind: str, settings: Mapping[Path, Mapping[str, Any]]) -> None:
    """Raises ConfigError unless all seeds of a model were pretrained with the same settings."""
    (first, known), *others = settings.items()
    for folder, other in others:
        changed = differing(known, other)
        if changed:
            raise ConfigError(
                f"all seeds of {kind} pretrained as in {first}",
                f"others for {folder}: {', '.join(changed)}",
                "pretrain all of them alike, name fewer --seeds or --learning-rates, or leave "
                "--pretrained out",
            )


def check_no_test_leakage(folder: Path, test_sets: Iterable[DoorDataset]) -> None:
    """Raises ConfigError if the training doors of a pretrained run can include test doors."""
    metrics = read_metrics(folder)
    key = metrics["generation_key"]
    for doors in test_sets:
        others = metrics["dataset_checksum"] != doors.checksum
        if others and key and key == generation_key(doors):
            raise ConfigError(
                f"models that have seen no test door of {doors.path}",
                f"one in {folder} of other doors of the prior {key['prior']} and the seed "
                f"{key['seed']}, of which test doors may be some",
                "pretrain with doors of another seed, or leave --pretrained out",
            )


def run_all(config: Config, dataset: DoorDataset, runs: Sequence[StudyRun]) -> None:
    """Pretrains missing encoders; then trains and scores the reward models."""
    bases = dict.fromkeys(run.base for run in runs if run.base)
    missing = [base for base in bases if _pretrained_folder(config, base) == config.out / base.name]
    run_parallel(partial(pretrain_run, config, dataset.path), missing, config, "study, pretraining")
    run_parallel(partial(train_run, config, dataset.path), runs, config, "study, training")


def pretrain_run(config: Config, data: Path, run: StudyRun) -> None:
    """Pretrains one model, or continues its run."""
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
    """Trains and scores one model, or continues its run."""
    base, dataset = train.PRESETS[config.preset], DoorDataset.open(data)
    assert run.num_labeled is not None
    encoder_steps = _encoder_steps(config, run)
    folder = train.run(
        updated(
            base, model=run.model, data=data, out=config.out / run.name, seed=run.seed,
            pretrained=_pretrained_folder(config, run.base) if run.base else None,
            num_labeled=run.num_labeled,
            steps=encoder_steps + config.process_steps,
            encoder_fraction=encoder_steps / max(1, encoder_steps + config.process_steps),
            lr=run.rate,
            frames=min(base.frames, dataset.frames), validate_every=config.validate_every,
            architecture=architecture_of(config, run.model), resume=True,
            device=config.device,
        )
    )  # fmt: skip
    scores.score(folder, dataset, config.test_doors, resolve_device(config.device))


def architecture_of(config: Config, model: str) -> Architecture:
    """The architecture of the study, with the reconstruction weight of the model."""
    weight = vars(config.reconstruction_weights).get(model)
    if weight is None:
        return config.architecture
    return replace(config.architecture, reconstruction_weight=weight)


def _encoder_steps(config: Config, run: StudyRun) -> int:
    if reward_model_spec(run.model).frozen_encoder is not None:
        return 0
    return config.finetune_steps if run.base else config.encoder_steps


def _pretrained_folder(config: Config, base: StudyRun) -> Path:
    """Folder of a pretrained run: in --pretrained if it exists there, otherwise in OUT."""
    if config.pretrained is not None:
        existing = config.pretrained / base.place
        if (existing / METRICS_FILE).exists():
            return existing
    return config.out / base.name
