"""Run the representation study: train and probe every model with every seed, and compare them.

For every prior, the command generates the dataset (unless it exists or is given with --data),
trains every model with every seed, and probes each model as a function of the number of frames and
of labeled doors. All models use the same frames, number of steps and candidate learning rates. If
--learning-rates has several values, each model is trained with all of them on the first seed; the
other seeds use the learning rate whose probes have the best scores on validation doors.

    OUT/PRIOR/dataset/                        doorlab generate
    OUT/PRIOR/MODEL/rate-R/seed-S/            doorlab pretrain
    OUT/PRIOR/MODEL/rate-R/seed-S/probe/      doorlab probe
    OUT/representation.json, PRIOR_frames.png, PRIOR_doors.png

For every prior, representation.json contains each score as a mean with a 95 % interval over doors
and seeds, the paired differences between each statistician and the best context-free model for each
target, the scores of c and z for the parameters of the door and for the angle, and the thresholds
that a statistician reaches.

You can interrupt or kill the command at any time. The same command then continues the study, and
skips finished runs.
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
from doorlab.parallel.launchers import cluster_of
from doorlab.plots.studies import probes_along
from doorlab.plots.style import save_png
from doorlab.report.tables.probes import study_tables
from doorlab.results import read_result, write_result
from doorlab.run_layout import DATASET_FOLDER, PROBE_ARRAYS_FILE, PROBES_FILE, REPRESENTATION_FILE
from doorlab.runtime.torch_state import process_defaults
from doorlab.sim import resolve_simulator
from doorlab.stages import pretrain, probe
from doorlab.storage.files import read_arrays
from doorlab.storage.folders import output_folder
from doorlab.storage.json_schema import Each
from doorlab.studies.runs import (
    StudyConfig,
    check_choices,
    check_execution,
    check_priors,
    check_split,
    doors_of,
    is_finished,
    run_parallel,
    single_threaded,
)
from doorlab.terminal.console import PlainConsole

_PROBES = {  # schema of a result of `doorlab probe` with one model
    "config": dict,
    "probes": Each(Each({"validation": Limits()}, least=1), least=1),
    "doors": dict,
    "targets": dict,
    "frames": at_least(1),
}
MODELS = (*STATISTICIANS, *CONTEXT_FREE, "supervised")


@dataclass(frozen=True)
class Config(StudyConfig):
    """Datasets, models, seeds and probes of the study."""

    out: Path = Path("runs/represent")
    """Folder of the study; an existing study is completed."""
    priors: Annotated[tuple[str, ...], Option(tuple(PRIORS))] = (DEFAULT_PRIOR,)
    """Priors of the doors: narrow (one appearance for all doors), default (all appearances), an
    import path MODULE:NAME, or a JSON file of ranges (FILE.json)."""
    data: tuple[Path, ...] = ()
    """Existing datasets to use, one per prior, in the order of --priors. If empty, the datasets are
    generated."""
    models: Annotated[tuple[str, ...], Option(MODELS)] = MODELS
    """Models of `doorlab pretrain`; at least one statistician and one context-free model."""
    seeds: tuple[Seed, ...] = (0, 1)
    """Training seeds; all runs use the same doors."""
    steps: NonNegativeInt = 20
    """Optimizer steps of every model that is trained in steps; 0 for the default of
    `doorlab pretrain`."""
    probe_frames: tuple[PositiveInt, ...] = (1, 2, 4)
    """Numbers of frames per embedding; numbers above the frames of a dataset are skipped."""
    probe_doors: tuple[PositiveInt, ...] = (10, 30)
    """Numbers of labeled doors per probe."""


_STUDY = replace(
    Config(),
    priors=("narrow", "default"),
    seeds=(0, 1, 2),
    data_seed=5,  # no setting was tuned on doors of this seed
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
class ProbeRun:
    """One training run of the study, and its probe."""

    prior: str  # from `prior_label`
    model: str
    rate: float
    seed: int

    @property
    def name(self) -> str:
        """Folder of the run, relative to that of the study."""
        return f"{self.prior}/{self.model}/rate-{self.rate:g}/seed-{self.seed}"


@process_defaults()
def run(config: Config) -> Path:
    """Runs the unfinished parts of the study; returns the path of representation.json.

    Raises:
        ConfigError: if a name is unknown, or the study has no statistician or no context-free
            model.
        ResultError: if the folder contains the result of another study, or another process writes
            into it.
        DoorlabError: the errors of `doorlab generate`, `pretrain` and `probe`.
    """
    path = config.out / REPRESENTATION_FILE
    check(config)
    config = replace(config, simulator=resolve_simulator(config.simulator))
    console = PlainConsole()
    with output_folder(config.out):
        if finished_before(config, path):
            console.print(f"represent: done before ({path})", soft_wrap=True)
        else:
            with cluster_of(config.launcher):
                _represent(config, path)
    for table in study_tables(path):
        console.print(table)
    return path


def finished_before(config: Config, path: Path) -> bool:
    """Whether the result of this study exists and --overwrite is not given."""
    if config.overwrite or not os.path.lexists(path):
        return False
    made = [config.out / prior_label(prior) / DATASET_FOLDER for prior in config.priors]
    datasets = [DoorDataset.open(place) for place in config.data or made]
    return is_finished(path, config, [dataset.checksum for dataset in datasets])


def _represent(config: Config, path: Path) -> None:
    datasets = {prior_label(prior): dataset_of(config, prior) for prior in config.priors}
    for dataset in datasets.values():
        check_splits(config, dataset)
    do = partial(run_one, config, {prior: found.path for prior, found in datasets.items()})
    with single_threaded():
        trials = [r for seed in config.seeds[:1] for r in runs_with(config, seed, rates_of(config))]
        run_parallel(do, trials, config, "represent, learning rates")
        rates = choose_rates(config, trials)
        runs = [ProbeRun(*key, rate, seed) for seed in config.seeds for key, rate in rates.items()]
        run_parallel(do, runs, config, "represent")
    found = {p: summary_of(config, [r for r in runs if r.prior == p]) for p in datasets}
    for prior, result in found.items():
        result["dataset_checksum"] = datasets[prior].checksum
        result["simulator"] = datasets[prior].simulator
        for axis in result["curves"]:
            save_png(probes_along(result, axis), config.out / f"{prior}_{axis}.png")
    write_result(path, "represent", config, {}, priors=found)


def check(config: Config) -> None:
    """Raises ConfigError for invalid settings, before anything is generated."""
    check_execution(config)
    for model in config.models:
        encoder_spec(model)
    if config.data and len(config.data) != len(config.priors):
        raise ConfigError(
            f"--data with one dataset for each of {', '.join(config.priors)}",
            f"{len(config.data)}", "give one dataset per prior, in the order of --priors",
        )  # fmt: skip
    choices = ("priors", "models", "seeds", "learning_rates", "probe_frames", "probe_doors")
    check_choices(config, *choices)
    check_priors(config.priors)
    if not all(set(names) & set(config.models) for names in (STATISTICIANS, CONTEXT_FREE)):
        named = ", and one of ".join(", ".join(names) for names in (STATISTICIANS, CONTEXT_FREE))
        raise ConfigError(f"--models with one of {named}", " ".join(config.models), "add a model")
    if not config.data:
        check_splits(config)


def check_splits(config: Config, dataset: DoorDataset | None = None) -> None:
    """Raises ConfigError if a dataset has no validation or test doors, which the probes need."""
    check_split("validation", "select learning rates and penalties", config, dataset)
    check_split("test", "score the probes", config, dataset)


def dataset_of(config: Config, prior: str) -> DoorDataset:
    """The dataset of a prior: from --data, or generated (or completed) in OUT.

    Raises ConfigError if a given dataset has another prior.
    """
    if config.data:
        given = DoorDataset.open(config.data[config.priors.index(prior)])
        if prior_label(given.generation.prior) != prior_label(prior):
            raise ConfigError(
                f"doors of the prior {prior} in {given.path}",
                given.generation.prior,
                "give --data in the order of --priors",
            )
        return given
    return doors_of(config, prior, config.out / prior_label(prior) / DATASET_FOLDER, interactions=0)


def rates_of(config: Config) -> dict[str, tuple[float, ...]]:
    """Model -> candidate learning rates; a single placeholder for models without steps."""
    rates = config.learning_rates
    return {
        model: rates[:1] if encoder_spec(model).closed_form else rates for model in config.models
    }


def runs_with(config: Config, seed: int, rates: dict[str, tuple[float, ...]]) -> list[ProbeRun]:
    """The runs of all priors and models with one seed and the given learning rates."""
    priors = map(prior_label, config.priors)
    return [ProbeRun(p, m, rate, seed) for p in priors for m in rates for rate in rates[m]]


def run_one(config: Config, data: dict[str, Path], run: ProbeRun) -> str:
    """Trains and probes one model, and skips finished parts; returns the name of the run."""
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
    """Whether a finished probe result has the same settings and weights."""
    path = settings.out / PROBES_FILE
    try:
        result = _read_probes(path)
        read_arrays(path.with_suffix(".npz"))
    except ResultError:  # unreadable results are computed again
        return False
    required = {"frames": list(settings.frames), "probe_doors": list(settings.probe_doors)}
    same = all(result["config"].get(name) == value for name, value in required.items())
    weights = [weights_checksum(model) for model in settings.models]
    return same and result.get("model_weights") == weights


def _read_probes(path: Path) -> dict[str, Any]:
    """The probe result of a run. Raises ResultError if it can't be read."""
    return read_result(path, "probe", _PROBES)


def choose_rates(config: Config, trials: Sequence[ProbeRun]) -> dict[tuple[str, str], float]:
    """(prior, model) -> learning rate with the best mean probe score on validation doors."""
    best: dict[tuple[str, str], tuple[float, float]] = {}
    for trial in trials:
        found = _read_probes(config.out / trial.name / "probe" / PROBES_FILE)
        (scores,) = found["probes"].values()
        mean = sum(score["validation"] for score in scores.values()) / len(scores)
        key = (trial.prior, trial.model)
        best[key] = max(best.get(key, (mean, trial.rate)), (mean, trial.rate))
    return {key: rate for key, (_, rate) in best.items()}


def summary_of(config: Config, runs: Sequence[ProbeRun]) -> dict[str, Any]:
    """Summary of all runs of one prior, for representation.json (see the module docstring)."""
    folders = {run: config.out / run.name / "probe" for run in runs}
    result = _read_probes(folders[runs[0]] / PROBES_FILE)
    by_model = {
        model: stack_seeds([folders[run] / PROBE_ARRAYS_FILE for run in runs if run.model == model])
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
    """Probe -> contributions (S, D), from the probes.npz of one model with S seeds.

    Probes that are missing for a seed are left out.
    """
    seeds = []
    for file in files:
        seeds.append({name.split("/", 1)[1]: a for name, a in read_arrays(file).items()})
    names = [name for name in seeds[0] if all(name in seed for seed in seeds)]
    return {ProbeSpec.named(name): np.stack([seed[name] for seed in seeds]) for name in names}
