"""The training runs of `doorlab study`: which there are, and how each is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.errors import ConfigError
from doorlab.files import read_json
from doorlab.models.registry import BASES, BEGINNINGS
from doorlab.stages import pretrain, study_scores, train
from doorlab.stages.learning import METRICS_FILE
from doorlab.stages.side_by_side import do_runs
from doorlab.stages.study_config import Config
from doorlab.training import resolve_device


@dataclass(frozen=True)
class Run:
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
    def base(self) -> Run | None:
        """The pretrained run that it stands on, or begins with: of the same rate and seed."""
        kind = (BASES | BEGINNINGS).get(self.model)
        return Run(kind, self.rate, self.seed) if kind and self.labelled is not None else None


def choose_rates(config: Config, dataset: DoorDataset) -> dict[str, float]:
    """Model -> the learning rate with which it errs least on validation doors."""
    if len(config.learning_rates) == 1:
        return dict.fromkeys(config.models, config.learning_rates[0])
    trials = [
        Run(model, rate, config.seeds[0], config.tuned_at)
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
    figures = read_json(folder / "metrics.json")["figures"]
    found = [v["mean"] for k, v in figures.items() if k.startswith("validation_reward_mse_after_")]
    if not found:
        raise ConfigError(
            "validation doors to choose learning rates by", "none",
            "generate some with --validation-fraction, or name one of --learning-rates",
        )  # fmt: skip
    return float(np.mean(found))


def do_all(config: Config, dataset: DoorDataset, runs: Sequence[Run]) -> None:
    """Trains and scores models, after those that they stand on or begin with."""
    bases = dict.fromkeys(run.base for run in runs if run.base)
    missing = [base for base in bases if _folder_of(config, base) == config.out / base.name]
    do_runs(partial(pretrain_run, config, dataset.path), missing, config.workers, "pretrained")
    do_runs(partial(train_run, config, dataset.path), runs, config.workers, "trained")


def pretrain_run(config: Config, data: Path, run: Run) -> None:
    """Pretrains one model, or what is missing of that."""
    base = pretrain.PRESETS[config.preset]
    frames = DoorDataset.open(data).frames
    pretrain.run(
        replace(
            base, model=run.model, data=data, out=config.out / run.name, seed=run.seed,
            steps=config.pretrain_steps, learning_rate=run.rate, frames=min(base.frames, frames),
            validate_every=config.validate_every, architecture=config.architecture, resume=True,
            accelerator=config.accelerator,
        )
    )  # fmt: skip


def train_run(config: Config, data: Path, run: Run) -> None:
    """Trains and scores one model, or what is missing of that."""
    base, dataset = train.PRESETS[config.preset], DoorDataset.open(data)
    assert run.labelled is not None
    looking = _looking_steps(config, run)
    folder = train.run(
        replace(
            base, model=run.model, data=data, out=config.out / run.name, seed=run.seed,
            pretrained=_folder_of(config, run.base) if run.base else None, labelled=run.labelled,
            steps=looking + config.try_steps,
            look_first=looking / max(1, looking + config.try_steps), learning_rate=run.rate,
            frames=min(base.frames, dataset.frames), validate_every=config.validate_every,
            architecture=config.architecture, resume=True, accelerator=config.accelerator,
        )
    )  # fmt: skip
    study_scores.score(folder, dataset, config.test_doors, resolve_device(config.accelerator))


def _looking_steps(config: Config, run: Run) -> int:
    if run.model in BASES:
        return 0
    return config.join_steps if run.base else config.look_steps


def _folder_of(config: Config, base: Run) -> Path:
    """Of a pretrained model: where it is already, or where it is to be made."""
    if config.pretrained is not None:
        there = config.pretrained / base.place
        if (there / METRICS_FILE).exists():
            return there
    return config.out / base.name
