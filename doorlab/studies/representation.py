"""The representation study as one command: doors, every model with every seed, probes, tables.

For every prior: makes the dataset (unless it is there, or given with --data), trains every model
with every seed, and probes each as a function of the number of frames and of labelled doors. All
models get the same frames, the same number of steps and the same choice of learning rates: with
several --learning-rates each model is trained with all of them on the first seed, and goes on with
the one whose probes do best on validation doors.

    OUT/PRIOR/dataset/                        doorlab generate
    OUT/PRIOR/MODEL/rate-R/seed-S/            doorlab pretrain
    OUT/PRIOR/MODEL/rate-R/seed-S/probe/      doorlab probe
    OUT/representation.json, PRIOR_frames.png, PRIOR_doors.png

representation.json has, for every prior, each score as a mean with a 95 % interval over doors and
seeds; the paired differences of each statistician and the best context-free model for each target;
what c and z say of the door and of the angle; and which bars a statistician reaches.

Stop it, or kill it, at any time: the same command goes on where it was, and does nothing twice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from doorlab.configs import updated
from doorlab.data.dataset import DoorDataset
from doorlab.doors import PRIORS
from doorlab.doors.priors import DEFAULT_PRIOR, prior_label
from doorlab.errors import ConfigError, ResultError
from doorlab.evaluation.probes import ProbeSpec
from doorlab.evaluation.probes.summary import bars, summarize, vs_best_baseline
from doorlab.limits import Limits, NonNegativeInt, PositiveInt, Seed, at_least
from doorlab.models.io import weights_checksum
from doorlab.models.registry import CONTEXT_FREE, STATISTICIANS, encoder_spec
from doorlab.options import Option
from doorlab.parallel.launchers import check_workers
from doorlab.plots.studies import probes_along
from doorlab.plots.style import save_png
from doorlab.report.tables.probes import study_tables
from doorlab.results import read_result, write_result
from doorlab.runtime.devices import resolve_device
from doorlab.runtime.torch_state import process_defaults
from doorlab.stages import pretrain, probe
from doorlab.storage.files import read_arrays
from doorlab.storage.folders import output_folder
from doorlab.storage.json_schema import Each
from doorlab.studies.runs import (
    StudyConfig,
    check_choices,
    check_priors,
    check_split,
    doors_of,
    is_finished,
    run_parallel,
    single_threaded,
)
from doorlab.terminal.console import PlainConsole

_PROBES = {  # of a result of `doorlab probe` that is about one model
    "config": dict,
    "probes": Each(Each({"validation": Limits()}, least=1), least=1),
    "doors": dict,
    "targets": dict,
    "frames": at_least(1),
}
MODELS = (*STATISTICIANS, *CONTEXT_FREE, "supervised")


@dataclass(frozen=True)
class Config(StudyConfig):
    """Which doors, models and seeds, and how much of each."""

    out: Path = Path("runs/represent")
    """Folder of the study; one that is there already is completed."""
    priors: Annotated[tuple[str, ...], Option(tuple(PRIORS))] = (DEFAULT_PRIOR,)
    """Priors of the doors: narrow (one look for all), default (all looks). Import paths MODULE:NAME
    and JSON files of ranges (FILE.json) are accepted, too."""
    data: tuple[Path, ...] = ()
    """Datasets that are there already, one for every prior, in their order."""
    models: Annotated[tuple[str, ...], Option(MODELS)] = MODELS
    """Models of `doorlab pretrain`; a statistician and a context-free one must be among them."""
    seeds: tuple[Seed, ...] = (0, 1)
    """Seeds of the training runs; all learn from the same doors."""
    steps: NonNegativeInt = 20
    """Optimiser steps of every model that learns in steps; 0 for those of doorlab pretrain."""
    probe_frames: tuple[PositiveInt, ...] = (1, 2, 4)
    """Numbers of frames that embeddings are made from; those that the datasets have."""
    probe_doors: tuple[PositiveInt, ...] = (10, 30)
    """Numbers of labelled doors that probes are fitted on."""


_STUDY = replace(
    Config(),
    priors=("narrow", "default"),
    seeds=(0, 1, 2),
    data_seed=5,  # of doors that nothing was tuned on
    doors=4800,
    frames=16,
    image_size=64,
    test_fraction=0.15,
    validation_fraction=0.05,
    simulator="torch",
    steps=0,
    learning_rates=(2e-3, 4e-3),
    probe_frames=(1, 2, 4, 8, 16),
    probe_doors=(10, 30, 100, 300, 1000),
)
PRESETS: dict[str, Config] = {
    "tiny": Config(),
    "small": replace(_STUDY, preset="small"),
    "full": replace(_STUDY, preset="full", doors=40_000, image_size=128),
}


@dataclass(frozen=True)
class Run:
    """One training run of the study, and its probe."""

    prior: str  # its `prior_label`
    model: str
    rate: float
    seed: int

    @property
    def name(self) -> str:
        """Its folder, below the study's."""
        return f"{self.prior}/{self.model}/rate-{self.rate:g}/seed-{self.seed}"


@process_defaults()
def run(config: Config) -> Path:
    """Does what is missing of the study; returns the path of representation.json.

    Raises:
        ConfigError: for names that are not known, and for a study that compares nothing.
        ResultError: for the result of another study, and when another process writes there.
        Whatever its stages raise.
    """
    path = config.out / "representation.json"
    check(config)
    console = PlainConsole()
    with output_folder(config.out):
        if finished_before(config, path):
            console.print(f"represent: done before ({path})", soft_wrap=True)
        else:
            _represent(config, path)
    for table in study_tables(path):
        console.print(table)
    return path


def finished_before(config: Config, path: Path) -> bool:
    """Whether this study has its result, and --overwrite does not ask for another one."""
    if config.overwrite or not os.path.lexists(path):
        return False
    made = [config.out / prior_label(prior) / "dataset" for prior in config.priors]
    datasets = [DoorDataset.open(place) for place in config.data or made]
    return is_finished(path, config, [dataset.checksum for dataset in datasets])


def _represent(config: Config, path: Path) -> None:
    datasets = {prior_label(prior): dataset_of(config, prior) for prior in config.priors}
    for dataset in datasets.values():
        check_splits(config, dataset)
    do = partial(run_one, config, {prior: found.path for prior, found in datasets.items()})
    with single_threaded():
        trials = [r for seed in config.seeds[:1] for r in runs_with(config, seed, rates_of(config))]
        run_parallel(do, trials, config.workers, "represent, learning rates")
        rates = choose_rates(config, trials)
        runs = [Run(*key, rate, seed) for seed in config.seeds for key, rate in rates.items()]
        run_parallel(do, runs, config.workers, "represent")
    found = {p: summary_of(config, [r for r in runs if r.prior == p]) for p in datasets}
    for prior, result in found.items():
        result["dataset_checksum"] = datasets[prior].checksum
        result["simulator"] = datasets[prior].simulator
        for axis in result["curves"]:
            save_png(probes_along(result, axis), config.out / f"{prior}_{axis}.png")
    write_result(path, "represent", config, {}, priors=found)


def check(config: Config) -> None:
    """Raises ConfigError for what can't be studied, before anything is made."""
    check_workers(config.workers)
    resolve_device(config.device, "--device")
    for model in config.models:
        encoder_spec(model)
    if config.data and len(config.data) != len(config.priors):
        raise ConfigError(
            f"--data with one dataset for each of {', '.join(config.priors)}",
            f"{len(config.data)}", "give as many as --priors, in their order",
        )  # fmt: skip
    choices = ("priors", "models", "seeds", "learning_rates", "probe_frames", "probe_doors")
    check_choices(config, *choices)
    check_priors(config.priors)
    if not all(set(names) & set(config.models) for names in (STATISTICIANS, CONTEXT_FREE)):
        named = ", and one of ".join(", ".join(names) for names in (STATISTICIANS, CONTEXT_FREE))
        raise ConfigError(
            f"--models with one of {named}", " ".join(config.models), "add what is missing"
        )
    if not config.data:
        check_splits(config)


def check_splits(config: Config, dataset: DoorDataset | None = None) -> None:
    """Raises ConfigError for doors that models could learn from, but not be probed with."""
    check_split("validation", "choose learning rates and penalties by", config, dataset)
    check_split("test", "score the probes on", config, dataset)


def dataset_of(config: Config, prior: str) -> DoorDataset:
    """The doors of a prior: those given, or those in OUT, made or completed if need be."""
    if config.data:
        given = DoorDataset.open(config.data[config.priors.index(prior)])
        if prior_label(given.generation.prior) != prior_label(prior):
            raise ConfigError(
                f"doors of the prior {prior} in {given.path}",
                given.generation.prior,
                "give --data in the order of --priors",
            )
        return given
    return doors_of(config, prior, config.out / prior_label(prior) / "dataset", interactions=0)


def rates_of(config: Config) -> dict[str, tuple[float, ...]]:
    """Model -> the learning rates to try: models without steps have none, and one is enough."""
    rates = config.learning_rates
    return {
        model: rates[:1] if encoder_spec(model).closed_form else rates for model in config.models
    }


def runs_with(config: Config, seed: int, rates: dict[str, tuple[float, ...]]) -> list[Run]:
    """Every prior and model with this seed."""
    priors = map(prior_label, config.priors)
    return [Run(p, m, rate, seed) for p in priors for m in rates for rate in rates[m]]


def run_one(config: Config, data: dict[str, Path], run: Run) -> str:
    """Trains and probes one model, or what is missing of that; returns its name."""
    folder, dataset = config.out / run.name, DoorDataset.open(data[run.prior])
    base = pretrain.PRESETS[config.preset]
    steps = 0 if encoder_spec(run.model).closed_form else config.steps
    pretrain.run(
        updated(
            base, model=run.model, data=dataset.path, out=folder, seed=run.seed, steps=steps,
            lr=run.rate, frames=min(base.frames, dataset.frames), resume=True,
            architecture=config.architecture, device=config.device,
        )
    )  # fmt: skip
    settings = probe.Config(
        data=dataset.path, models=(folder,), out=folder / "probe",
        frames=tuple(m for m in config.probe_frames if m <= dataset.frames),
        probe_doors=config.probe_doors, device=config.device, overwrite=True,
    )  # fmt: skip
    if not is_probed(settings):
        probe.run(settings)
    return run.name


def is_probed(settings: probe.Config) -> bool:
    """Whether a finished probe asked the same, of the same weights."""
    path = settings.out / "probes.json"
    try:
        found = _read_probes(path)
        read_arrays(path.with_suffix(".npz"))
    except ResultError:  # what can't be read is made again
        return False
    asked = {"frames": list(settings.frames), "probe_doors": list(settings.probe_doors)}
    same = all(found["config"].get(name) == value for name, value in asked.items())
    weights = [weights_checksum(model) for model in settings.models]
    return same and found.get("model_weights") == weights


def _read_probes(path: Path) -> dict[str, Any]:
    """What a run's probe has found. Raises ResultError when it can't be read."""
    return read_result(path, "probe", _PROBES)


def choose_rates(config: Config, trials: Sequence[Run]) -> dict[tuple[str, str], float]:
    """(prior, model) -> the learning rate whose probes do best on validation doors, on average."""
    best: dict[tuple[str, str], tuple[float, float]] = {}
    for trial in trials:
        found = _read_probes(config.out / trial.name / "probe" / "probes.json")
        (scores,) = found["probes"].values()
        mean = sum(score["validation"] for score in scores.values()) / len(scores)
        key = (trial.prior, trial.model)
        best[key] = max(best.get(key, (mean, trial.rate)), (mean, trial.rate))
    return {key: rate for key, (_, rate) in best.items()}


def summary_of(config: Config, runs: Sequence[Run]) -> dict[str, Any]:
    """What all seeds of all models of one prior come to: see the head of this file."""
    folders = {run: config.out / run.name / "probe" for run in runs}
    result = _read_probes(folders[runs[0]] / "probes.json")
    by_model = {
        model: stack_seeds([folders[run] / "probes.npz" for run in runs if run.model == model])
        for model in dict.fromkeys(run.model for run in runs)
    }
    summary = summarize(by_model, STATISTICIANS, CONTEXT_FREE)
    return {
        "learning_rates": {run.model: run.rate for run in runs},
        "seeds": len(config.seeds),
        **{name: result[name] for name in ("doors", "frames", "targets")},
        **summary,
        "vs_best_baseline": vs_best_baseline(by_model, summary, CONTEXT_FREE),
        "bars": bars(summary),
    }


def stack_seeds(files: Sequence[Path]) -> dict[ProbeSpec, np.ndarray]:
    """Reading -> (S, D), from what probes of one model with several seeds have left."""
    found = []
    for file in files:
        found.append({name.split("/", 1)[1]: a for name, a in read_arrays(file).items()})
    names = [name for name in found[0] if all(name in seed for seed in found)]
    return {ProbeSpec.named(name): np.stack([seed[name] for seed in found]) for name in names}
