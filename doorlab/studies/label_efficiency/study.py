"""The label-efficiency study as one command: doors, every model with few labels and with many.

Makes the dataset (unless it is there, or given with --data); trains every model with every number
of labelled doors and every seed; scores what it says of the rewards on test doors after 0 to 10
interactions; opens those doors with it, and with policies that need no training; and says of each
claim of the papers whether it is reproduced. Labelled doors are the first of the training split:
fewer are part of more, and every model has the same.

Models on frozen embeddings stand on models that are pretrained on the frames of all training doors,
once per seed; ssnp begins with such a model, and goes on learning from frames and rewards together.
--pretrained names a folder of a `doorlab represent`, OUT/PRIOR, that has them already, pretrained
on the same dataset or on doors of another seed. All models get the same choice of learning rates:
with several --learning-rates each is trained with all of them on the first seed, with --tune-labels
labelled doors, and goes on with the one that errs least on validation doors. These are labelled,
too; no model learns from them, and all have the same.

    OUT/dataset/                                      doorlab generate
    OUT/pretrained/MODEL/rate-R/seed-S/               doorlab pretrain
    OUT/labelled-N/MODEL/rate-R/seed-S/               doorlab train
    OUT/labelled-N/MODEL/rate-R/seed-S/scores.npz     what it says of the rewards on test doors
    OUT/labelled-N/bandit/, OUT/baselines/            doorlab bandit
    OUT/ood/PRIOR/                                    the same on doors of another prior
    OUT/reward.json, bandit.json, claims.json         summaries, with 95 % intervals
    OUT/labels.png, adaptation.png, regret.png

reward.json and bandit.json have every figure by model and number of labelled doors, and --method
less each other model, in pairs of doors and seeds; claims.json has each claim with "reproduced"
(true, false, or null where the study can't tell) and the figures that it rests on.
`doorlab report --run OUT` shows them.

Stop it, or kill it, at any time: the same command goes on where it was, and does nothing twice.
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
from doorlab.parallel.launchers import check_workers
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
from doorlab.runtime.devices import resolve_device
from doorlab.runtime.torch_state import process_defaults
from doorlab.serialization import to_json
from doorlab.stages import bandit, train
from doorlab.storage.files import read_arrays
from doorlab.storage.folders import output_folder
from doorlab.storage.json_schema import Each
from doorlab.studies.label_efficiency import results
from doorlab.studies.label_efficiency.config import PRESETS as PRESETS
from doorlab.studies.label_efficiency.config import Config
from doorlab.studies.label_efficiency.runs import StudyRun, check_pretrained, choose_rates, do_all
from doorlab.studies.runs import (
    check_choices,
    check_priors,
    check_split,
    doors_of,
    is_finished,
    single_threaded,
)
from doorlab.terminal.console import PlainConsole

_OPENED = {  # of a result of `doorlab bandit`
    "config": {"models": [str], "out": str},
    "policies": Each(dict),
    "doors": at_least(1),
    "paired_differences": dict,
}
_MOST = 0.9  # share of the doors of a dataset that may be test doors


@process_defaults()
def run(config: Config) -> Path:
    """Does what is missing of the study; returns the path of claims.json.

    Raises:
        ConfigError: for names that are not known, and for a study that compares nothing.
        ResultError: for the result of another study, and when another process writes there.
        Whatever its stages raise.
    """
    path = config.out / results.CLAIMS_FILE
    check(config)
    console = PlainConsole()
    with output_folder(config.out):
        if finished_before(config, path):
            console.print(f"study: done before ({path})", soft_wrap=True)
        else:
            _study(config)
    for table in study_tables(config.out):
        console.print(table)
    return path


def finished_before(config: Config, path: Path) -> bool:
    """Whether this study has its result, and --overwrite does not ask for another one."""
    if config.overwrite or not os.path.lexists(path):
        return False
    dataset = DoorDataset.open(config.data or config.out / DATASET_FOLDER)
    return is_finished(path, completed(config, dataset), [dataset.checksum])


def _study(config: Config) -> None:
    dataset = dataset_of(config)
    config = completed(config, dataset)
    elsewhere = {
        prior_label(prior): doors_elsewhere(config, dataset, prior) for prior in config.ood_priors
    }
    check_pretrained(config, dataset, [dataset, *elsewhere.values()])
    with single_threaded():
        rates = choose_rates(config, dataset)
        runs = [
            StudyRun(model, rates[model], seed, labelled)
            for seed in config.seeds
            for labelled in config.labelled
            for model in config.models
        ]
        do_all(config, dataset, runs)
    open_doors(config, dataset, elsewhere, runs)
    folders: results.Folders = {}
    for one in runs:
        of_model = folders.setdefault(one.model, {})
        of_model.setdefault(one.labelled or 0, []).append(config.out / one.name)
    results.write(config, dataset, folders, rates)


def check(config: Config) -> None:
    """Raises ConfigError for what can't be studied, before anything is made."""
    check_workers(config.workers)
    resolve_device(config.device, "--device")
    get_prior(config.prior)
    check_priors(config.ood_priors)
    check_choices(config, "models", "labelled", "seeds", "learning_rates")
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
    """Raises ConfigError for numbers of labelled doors that are not those of the study."""
    tuned = len(config.learning_rates) > 1
    for option, named in (
        ("--tune-labels", (config.tune_labels,) if tuned else ()),
        ("--eval-labels", config.eval_labels),
    ):
        if not set(named) <= set(config.labelled):
            counts = ", ".join(map(str, config.labelled))
            raise ConfigError(f"{option} out of --labelled {counts}", f"{named}", "correct it")


def check_weights(config: Config) -> None:
    """Raises ConfigError for the weight that --reconstruction-weights stand for."""
    general = config.architecture.reconstruction_weight
    if general != Architecture.reconstruction_weight:
        raise ConfigError(
            "--reconstruction-weights.MODEL, which every model has its own of",
            f"--architecture.reconstruction-weight {general:g}", "give that instead",
        )  # fmt: skip


def check_tunable(config: Config, dataset: DoorDataset | None = None) -> None:
    """Raises ConfigError for several learning rates and nothing to choose them by."""
    if len(config.learning_rates) > 1:
        fix = "name one of --learning-rates"
        check_split("validation", "choose learning rates by", config, dataset, fix)


def dataset_of(config: Config) -> DoorDataset:
    """The doors: those given, or those in OUT, made or completed if need be."""
    if config.data is not None:
        found = DoorDataset.open(config.data)
        found.require("optimal_reward")
        check_interactions(config, found.interactions)
        check_tunable(config, found)
        return found
    out, interactions = config.out / DATASET_FOLDER, config.interactions
    return doors_of(config, config.prior, out, interactions=interactions)


def doors_elsewhere(config: Config, dataset: DoorDataset, prior: str) -> DoorDataset:
    """As many test doors of another prior, filmed like the study's, and drawn by other chance."""
    out, like = config.out / OOD_FOLDER / prior_label(prior) / DATASET_FOLDER, dataset.generation
    return doors_of(
        config, prior, out,
        seed=like.seed + 1, doors=math.ceil(config.test_doors / _MOST), interactions=0,
        frames=like.frames, image_size=like.image_size, simulator=like.simulator,
        shadows=like.shadows, test_fraction=_MOST, validation_fraction=0.0,
    )  # fmt: skip


def check_interactions(config: Config, interactions: int) -> None:
    """Raises ConfigError for fewer per door than models are shown and have to predict."""
    process = train.PRESETS[config.preset].process
    if interactions < process.context + process.targets:
        raise ConfigError(
            f"doors with {process.context + process.targets} interactions or more",
            f"{interactions}",
            "generate more with --interactions",
        )  # fmt: skip


def completed(config: Config, dataset: DoorDataset) -> Config:
    """The config with numbers of doors in place of 0; ConfigError for those there are not."""
    doors, test = (len(dataset.indices(split)) for split in ("train", "test"))
    most = max(config.labelled)
    for name, count, there in (("labelled", most, doors), ("test-doors", config.test_doors, test)):
        if not 0 <= count <= there or not there:
            raise ConfigError(
                f"--{name} within the {there} of {dataset.path}", f"{count}", "ask for fewer"
            )
    config = replace(
        config,
        labelled=tuple(n or doors for n in config.labelled),
        tune_labels=config.tune_labels or doors,
        eval_labels=tuple(n or doors for n in config.eval_labels or config.labelled),
        test_doors=config.test_doors or test,
    )
    check_choices(config, "labelled", "eval_labels")
    return config


def open_doors(
    config: Config,
    dataset: DoorDataset,
    elsewhere: Mapping[str, DoorDataset],
    runs: Sequence[StudyRun],
) -> None:
    """Evaluates the policies: every model with every number of labels, the others once."""
    settings = bandit.Config(
        preset=config.preset, data=dataset.path, doors=config.test_doors,
        horizon=config.horizon, workers=config.workers, device=config.device,
        overwrite=True,
    )  # fmt: skip
    wanted = [replace(settings, policies=config.baselines, out=config.out / BASELINES_FOLDER)]
    for labelled in config.eval_labels:
        models = tuple(config.out / run.name for run in runs if run.labelled == labelled)
        out = bandit_folder(config.out, labelled)
        wanted.append(replace(settings, models=models, policies=config.models, out=out))
    for prior, doors in elsewhere.items():
        at = nearest_label_count(config.eval_labels)
        models = tuple(config.out / run.name for run in runs if run.labelled == at)
        policies, out = config.models + config.baselines, config.out / OOD_FOLDER / prior
        wanted.append(replace(settings, data=doors.path, models=models, policies=policies, out=out))
    for one in wanted:
        if one.policies and not opened(one):
            bandit.run(one)


def opened(settings: bandit.Config) -> bool:
    """Whether a finished evaluation asked the same, of the same weights on the same doors.

    One whose files can't be read is not finished.
    """
    try:
        found = read_result(settings.out / REGRET_FILE, "bandit", _OPENED)
        parts = [f"{n}/{part}" for n in settings.policies for part in ("regrets", "rewards")]
        read_arrays(settings.out / ROLLOUTS_FILE, parts)
    except ResultError:
        return False
    if not set(settings.policies) <= set(found["policies"]):
        return False
    before, now = (_question(c) for c in (found["config"], to_json(settings)))
    checksums = {
        "dataset_checksum": DoorDataset.open(settings.data).checksum,
        "model_weights": [weights_checksum(model) for model in settings.models],
    }
    return before == now and all(found.get(name) == now for name, now in checksums.items())


def _question(config: dict[str, Any]) -> dict[str, Any]:
    """What was asked of the models of an evaluation, wherever the study lies."""
    names = ("policies", "split", "doors", "horizon", "simulator", "exploration", "seed")
    models = [os.path.relpath(model, config["out"]) for model in config["models"]]
    return {"models": models, **{name: config.get(name) for name in names}}
