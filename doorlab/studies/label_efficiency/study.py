"""Run the label-efficiency study: train every model with few and with many labeled doors.

The command generates the dataset (unless it exists or is given with --data) and trains every model
with every number of labeled doors and every seed. On test doors, it scores the predicted rewards
with context sets of 0 to 10 interactions, and evaluates the models and the policies of --baselines
in a bandit. It then tests which claims of the papers are reproduced. Labeled doors are the first
doors of the training split: a smaller set is part of a larger one, and all models use the same.

Models on frozen embeddings use encoders that are pretrained on the frames of all training doors,
one per seed. The encoder of ssnp is initialized from such a run, and is then trained on frames and
rewards jointly. --pretrained gives a folder OUT/PRIOR of `doorlab represent` with pretrained runs,
on the same dataset or on doors of another seed. All models have the same candidate learning rates.
If --learning-rates has several values, each model is trained with all of them on the first seed,
with --tune-labels labeled doors; the other runs use the learning rate with the smallest squared
error on validation doors. All models use the same validation doors, and none is trained on them.

    OUT/dataset/                                      doorlab generate
    OUT/pretrained/MODEL/rate-R/seed-S/               doorlab pretrain
    OUT/labeled-N/MODEL/rate-R/seed-S/               doorlab train
    OUT/labeled-N/MODEL/rate-R/seed-S/scores.npz     scores of predicted rewards on test doors
    OUT/labeled-N/bandit/, OUT/baselines/            doorlab bandit
    OUT/ood/PRIOR/                                    doorlab bandit on doors of another prior
    OUT/reward.json, bandit.json, claims.json         summaries, with 95 % intervals
    OUT/labels.png, adaptation.png, regret.png

reward.json and bandit.json contain every metric by model and number of labeled doors, and the
differences between --method and every other model, paired by door and seed. claims.json contains
each claim with "reproduced" (true, false, or null if it is undecided) and the numbers behind it.
`doorlab report --run OUT` shows the results.

You can interrupt or kill the command at any time. The same command then continues the study, and
skips finished runs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from doorlab.data.dataset import DoorDataset
from doorlab.doors.priors import get_prior, prior_label
from doorlab.errors import ConfigError, ResultError, unknown_name
from doorlab.evaluation.label_efficiency import nearest_label_count
from doorlab.evaluation.policy_registry import MODEL_FREE_POLICIES
from doorlab.limits import at_least
from doorlab.models.architecture import Architecture
from doorlab.models.io import weights_checksum
from doorlab.models.registry import REWARD_MODELS
from doorlab.parallel.launchers import cluster_of
from doorlab.report.tables.study import study_tables
from doorlab.results import read_result
from doorlab.run_layout import (
    BASELINES_FOLDER,
    DATASET_FOLDER,
    OOD_FOLDER,
    REGRET_FILE,
    ROLLOUTS_FILE,
    bandit_folder,
)
from doorlab.runtime.torch_state import process_defaults
from doorlab.serialization import to_json
from doorlab.sim import resolve_simulator
from doorlab.stages import bandit, train
from doorlab.storage.files import read_arrays
from doorlab.storage.folders import output_folder
from doorlab.storage.json_schema import Each
from doorlab.studies.label_efficiency import results
from doorlab.studies.label_efficiency.config import PRESETS as PRESETS
from doorlab.studies.label_efficiency.config import Config
from doorlab.studies.label_efficiency.runs import StudyRun, check_pretrained, choose_rates, run_all
from doorlab.studies.runs import (
    check_choices,
    check_execution,
    check_priors,
    check_split,
    doors_of,
    is_finished,
    single_threaded,
)
from doorlab.terminal.console import PlainConsole

_OPENED = {  # schema of a result of `doorlab bandit`
    "config": {"models": [str], "out": str},
    "policies": Each(dict),
    "doors": at_least(1),
    "paired_differences": dict,
}
_TEST_SHARE = 0.9  # share of test doors in the datasets of --ood-priors


@process_defaults()
def run(config: Config) -> Path:
    """Runs the unfinished parts of the study; returns the path of claims.json.

    Raises:
        ConfigError: if a name is unknown, or the study has a single model.
        ResultError: if the folder contains the result of another study, or another process writes
            into it.
        DoorlabError: the errors of `doorlab generate`, `pretrain`, `train` and `bandit`.
    """
    path = config.out / results.CLAIMS_FILE
    check(config)
    config = replace(config, simulator=resolve_simulator(config.simulator))
    console = PlainConsole()
    with output_folder(config.out):
        if finished_before(config, path):
            console.print(f"study: done before ({path})", soft_wrap=True)
        else:
            with cluster_of(config.launcher):
                _study(config)
    for table in study_tables(config.out):
        console.print(table)
    return path


def finished_before(config: Config, path: Path) -> bool:
    """Whether the result of this study exists and --overwrite is not given."""
    if config.overwrite or not os.path.lexists(path):
        return False
    dataset = DoorDataset.open(config.data or config.out / DATASET_FOLDER)
    return is_finished(path, with_defaults(config, dataset), [dataset.checksum])


def _study(config: Config) -> None:
    dataset = dataset_of(config)
    config = with_defaults(config, dataset)
    ood_datasets = {
        prior_label(prior): ood_dataset(config, dataset, prior) for prior in config.ood_priors
    }
    check_pretrained(config, dataset, [dataset, *ood_datasets.values()])
    with single_threaded():
        rates = choose_rates(config, dataset)
        runs = [
            StudyRun(model, rates[model], seed, labeled)
            for seed in config.seeds
            for labeled in config.num_labeled
            for model in config.models
        ]
        run_all(config, dataset, runs)
    evaluate_policies(config, dataset, ood_datasets, runs)
    folders: results.Folders = {}
    for one in runs:
        of_model = folders.setdefault(one.model, {})
        of_model.setdefault(one.num_labeled or 0, []).append(config.out / one.name)
    results.write(config, dataset, folders, rates)


def check(config: Config) -> None:
    """Raises ConfigError for invalid settings, before anything is generated."""
    check_execution(config)
    get_prior(config.prior)
    check_priors(config.ood_priors)
    check_choices(config, "models", "num_labeled", "seeds", "learning_rates")
    for names, known, what in (
        (config.models, REWARD_MODELS, "model"),
        ((config.method,), config.models, "model of the study, for --method,"),
    ):
        for name in names:
            if name not in known:
                raise unknown_name(what, name, known)
    for name in config.baselines:
        MODEL_FREE_POLICIES.get_named(name)
    if config.pretrained is not None and not config.pretrained.is_dir():
        raise ConfigError(
            "--pretrained with the folder of a prior of `doorlab represent`",
            f"{config.pretrained}, which is none", "leave it out, or correct it",
        )  # fmt: skip
    if len(config.models) < 2:
        raise ConfigError("--models to compare", " ".join(config.models), "name two or more")
    check_numbers(config)
    check_weights(config)
    if config.data is None:
        check_interactions(config, config.interactions)
        check_tunable(config)


def check_numbers(config: Config) -> None:
    """Raises ConfigError if --tune-labels or --eval-labels is not part of --num-labeled."""
    tuned = len(config.learning_rates) > 1
    for option, named in (
        ("--tune-labels", (config.tune_labels,) if tuned else ()),
        ("--eval-labels", config.eval_labels),
    ):
        if not set(named) <= set(config.num_labeled):
            counts = ", ".join(map(str, config.num_labeled))
            raise ConfigError(f"{option} out of --num-labeled {counts}", f"{named}", "correct it")


def check_weights(config: Config) -> None:
    """Raises ConfigError if --architecture.reconstruction-weight is given: it has no effect."""
    general = config.architecture.reconstruction_weight
    if general != Architecture.reconstruction_weight:
        raise ConfigError(
            "--reconstruction-weights.MODEL, the weight of each model",
            f"--architecture.reconstruction-weight {general:g}", "give that instead",
        )  # fmt: skip


def check_tunable(config: Config, dataset: DoorDataset | None = None) -> None:
    """Raises ConfigError if there are several learning rates and no validation doors."""
    if len(config.learning_rates) > 1:
        fix = "name one of --learning-rates"
        check_split("validation", "choose learning rates by", config, dataset, fix)


def dataset_of(config: Config) -> DoorDataset:
    """The dataset: from --data, or generated (or completed) in OUT."""
    if config.data is not None:
        found = DoorDataset.open(config.data)
        found.require("optimal_reward")
        check_interactions(config, found.interactions)
        check_tunable(config, found)
        return found
    out, interactions = config.out / DATASET_FOLDER, config.interactions
    return doors_of(config, config.prior, out, interactions=interactions)


def ood_dataset(config: Config, dataset: DoorDataset, prior: str) -> DoorDataset:
    """A dataset of another prior with as many test doors, and the cameras of the study's dataset.

    Its seed differs from that of the study's dataset.
    """
    out, like = config.out / OOD_FOLDER / prior_label(prior) / DATASET_FOLDER, dataset.generation
    return doors_of(
        config, prior, out,
        seed=like.seed + 1, doors=math.ceil(config.test_doors / _TEST_SHARE), interactions=0,
        frames=like.frames, image_size=like.image_size, simulator=like.simulator,
        shadows=like.shadows, test_fraction=_TEST_SHARE, validation_fraction=0.0,
    )  # fmt: skip


def check_interactions(config: Config, interactions: int) -> None:
    """Raises ConfigError if doors have fewer interactions than the context and target sets need."""
    process = train.PRESETS[config.preset].process
    if interactions < process.context + process.targets:
        raise ConfigError(
            f"doors with {process.context + process.targets} interactions or more",
            f"{interactions}",
            "generate more with --interactions",
        )  # fmt: skip


def with_defaults(config: Config, dataset: DoorDataset) -> Config:
    """The config with every 0 replaced by the number of doors that it stands for.

    Raises ConfigError for numbers above those of the dataset.
    """
    doors, test = (len(dataset.indices(split)) for split in ("train", "test"))
    most = max(config.num_labeled)
    for name, count, available in (
        ("num-labeled", most, doors),
        ("test-doors", config.test_doors, test),
    ):
        if not 0 <= count <= available or not available:
            raise ConfigError(
                f"--{name} within the {available} of {dataset.path}", f"{count}", "ask for fewer"
            )
    config = replace(
        config,
        num_labeled=tuple(n or doors for n in config.num_labeled),
        tune_labels=config.tune_labels or doors,
        eval_labels=tuple(n or doors for n in config.eval_labels or config.num_labeled),
        test_doors=config.test_doors or test,
    )
    check_choices(config, "num_labeled", "eval_labels")
    return config


def evaluate_policies(
    config: Config,
    dataset: DoorDataset,
    ood_datasets: Mapping[str, DoorDataset],
    runs: Sequence[StudyRun],
) -> None:
    """Evaluates the models with every number of labeled doors, and the other policies once."""
    settings = bandit.Config(
        preset=config.preset, data=dataset.path, doors=config.test_doors,
        horizon=config.horizon, workers=config.workers, launcher=config.launcher,
        device=config.device, worker_gpus=config.worker_gpus, overwrite=True,
    )  # fmt: skip
    wanted = [replace(settings, policies=config.baselines, out=config.out / BASELINES_FOLDER)]
    for labeled in config.eval_labels:
        models = tuple(config.out / run.name for run in runs if run.num_labeled == labeled)
        out = bandit_folder(config.out, labeled)
        wanted.append(replace(settings, models=models, policies=config.models, out=out))
    for prior, doors in ood_datasets.items():
        at = nearest_label_count(config.eval_labels)
        models = tuple(config.out / run.name for run in runs if run.num_labeled == at)
        policies, out = config.models + config.baselines, config.out / OOD_FOLDER / prior
        wanted.append(replace(settings, data=doors.path, models=models, policies=policies, out=out))
    for one in wanted:
        if one.policies and not is_evaluated(one):
            bandit.run(one)


def is_evaluated(settings: bandit.Config) -> bool:
    """Whether a finished evaluation has the same settings, weights and doors.

    An evaluation with unreadable files is not finished.
    """
    try:
        found = read_result(settings.out / REGRET_FILE, "bandit", _OPENED)
        parts = [f"{n}/{part}" for n in settings.policies for part in ("regrets", "rewards")]
        read_arrays(settings.out / ROLLOUTS_FILE, parts)
    except ResultError:
        return False
    if not set(settings.policies) <= set(found["policies"]):
        return False
    before, now = (_evaluation_key(c) for c in (found["config"], to_json(settings)))
    checksums = {
        "dataset_checksum": DoorDataset.open(settings.data).checksum,
        "model_weights": [weights_checksum(model) for model in settings.models],
    }
    return before == now and all(found.get(name) == now for name, now in checksums.items())


def _evaluation_key(config: dict[str, Any]) -> dict[str, Any]:
    """The settings that determine an evaluation, with paths of models relative to its folder."""
    names = ("policies", "split", "doors", "horizon", "simulator", "exploration", "seed")
    models = [os.path.relpath(model, config["out"]) for model in config["models"]]
    return {"models": models, **{name: config.get(name) for name in names}}
