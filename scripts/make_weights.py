"""Trains the weights that doorlab ships: `python scripts/make_weights.py --prior narrow`.

Generates doors, pretrains a statistician, trains an SSNP that starts from it, exports the SSNP
with weights in float16, evaluates the exported weights on unseen test doors (regret of the bandit,
linear probes), and writes the model cards. Every step is a `doorlab` command, which is printed.
Finished steps are skipped: to continue an interrupted run, call the same command again.

    OUT/PRIOR/dataset, statistician, ssnp     the doors and the training runs
    OUT/PRIOR/weights/{ssnp,statistician}     the exported weights, before the evaluation
    OUT/PRIOR/{bandit,probe}                  the evaluation
    assets/models/PRIOR/{ssnp,statistician}   the shipped weights, with their results

The folder of the statistician contains no weights: they are part of those of the SSNP.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import tyro

from doorlab.data import DoorDataset
from doorlab.data.tensors.batches import DoorData
from doorlab.errors import CheckpointError
from doorlab.learning.config import LearningConfig
from doorlab.learning.latent_density import write_latent_density
from doorlab.models.hub.export import ModelCardInfo, export_encoder, export_model
from doorlab.models.io import checksum_of, load_model, weights_checksum
from doorlab.models.latent_density import LatentDensity, load_latent_density
from doorlab.models.reward.base import RewardModel
from doorlab.run_layout import (
    DATASET_FILE,
    METRICS_FILE,
    PROBES_FILE,
    REGRET_FILE,
)
from doorlab.runtime.torch_state import process_defaults
from doorlab.studies.demo import Step, run_steps
from doorlab.terminal.console import PlainConsole

ASSETS = Path(__file__).parents[1] / "assets" / "models"
LICENSE = "mit"


@dataclass(frozen=True)
class Settings:
    """Sizes of one training."""

    doors: int
    """Number of doors of the dataset; 15 % are test doors."""
    pretrain_steps: int
    """Steps of the statistician."""
    train_steps: int
    """Steps of the SSNP."""
    preset: str = "tiny"
    """Preset of the other settings of `doorlab pretrain` and `doorlab train`."""
    seed: int = 1000
    """Seed of the dataset and of the training. The doors of the demo have the seed 0."""
    test_doors: int = 100
    """Number of test doors of the bandit."""
    interactions: int = 10
    """Interactions of the bandit with each door."""


SETTINGS = {
    "narrow": Settings(doors=4000, pretrain_steps=4000, train_steps=5000),
    "default": Settings(doors=10_000, pretrain_steps=6000, train_steps=8000),
}


def main(
    prior: Literal["narrow", "default"] = "narrow",
    out: Path = Path("runs/weights"),
    assets: Path = ASSETS,
    doors: int = 0,
    pretrain_steps: int = 0,
    train_steps: int = 0,
    test_doors: int = 0,
    jobs: int = 2,
) -> None:
    """Runs the unfinished steps, and writes the shipped weights of a prior.

    Args:
        prior: prior of the doors, and name of the weights.
        out: folder of the runs.
        assets: folder of the shipped weights of all priors.
        doors: number of doors; 0 for the number in SETTINGS.
        pretrain_steps: steps of the statistician; 0 for the number in SETTINGS.
        train_steps: steps of the SSNP; 0 for the number in SETTINGS.
        test_doors: number of test doors of the bandit; 0 for the number in SETTINGS.
        jobs: number of commands that run in parallel.
    """
    sizes = {
        "doors": doors,
        "pretrain_steps": pretrain_steps,
        "train_steps": train_steps,
        "test_doors": test_doors,
    }
    settings = replace(SETTINGS[prior], **{name: size for name, size in sizes.items() if size})
    folder, console = out / prior, PlainConsole()
    folder.mkdir(parents=True, exist_ok=True)
    run_steps(training_steps(prior, settings, folder), folder, jobs, console)
    console.print("exporting the weights")
    export(prior, folder, folder / "weights")
    run_steps(evaluation_steps(settings, folder), folder, jobs, console)
    results = [folder / "bandit" / REGRET_FILE, folder / "probe" / PROBES_FILE]
    export(prior, folder, assets / prior, results)
    console.print(f"weights in {assets / prior}", highlight=False)


def training_steps(prior: str, settings: Settings, folder: Path) -> list[Step]:
    """The commands that generate the doors and train both models."""
    data, seed = str(folder / "dataset"), ("--seed", str(settings.seed))
    common = ("--preset", settings.preset, *seed, "--data", data)
    pretrained, trained = folder / "statistician", folder / "ssnp"
    return [
        Step(
            "generate",
            (
                *("generate", "--prior", prior, "--doors", str(settings.doors), *seed),
                *("--simulator", "pybullet", "--videos", "0", "--out", data, "--resume"),
            ),
            folder / "dataset" / DATASET_FILE,
        ),
        Step(
            "statistician",
            (
                *("pretrain", *common, "--model", "statistician", "--out", str(pretrained)),
                *("--steps", str(settings.pretrain_steps), "--resume"),
            ),
            pretrained / METRICS_FILE,
            ("generate",),
        ),
        Step(
            "ssnp",
            (
                *("train", *common, "--model", "ssnp", "--out", str(trained), "--resume"),
                *("--steps", str(settings.train_steps), "--num-labeled", "0"),
                *("--pretrained", str(pretrained)),
            ),
            trained / METRICS_FILE,
            ("statistician",),
        ),
    ]


def evaluation_steps(settings: Settings, folder: Path) -> list[Step]:
    """The commands that evaluate the exported weights on test doors."""
    weights, data = folder / "weights", ("--data", str(folder / "dataset"))
    return [
        Step(
            "bandit",
            (
                *("bandit", *data, "--models", str(weights / "ssnp")),
                *("--doors", str(settings.test_doors), "--horizon", str(settings.interactions)),
                *("--out", str(folder / "bandit")),
            ),
            folder / "bandit" / REGRET_FILE,
        ),
        Step(
            "probe",
            (
                *("probe", *data, "--models", str(weights / "statistician")),
                *("--out", str(folder / "probe")),
            ),
            folder / "probe" / PROBES_FILE,
        ),
    ]


@process_defaults()
def export(prior: str, folder: Path, out: Path, results: list[Path] | None = None) -> None:
    """Writes the SSNP of a run, and its statistician, to `out`; replaces earlier exports.

    Args:
        prior: prior of the doors.
        folder: folder of the runs.
        out: folder of the two exports.
        results: regret.json and probes.json of the exported weights, for the cards.
    """
    from doorlab.stages.export import training_command

    regret, probes = results or [None, None]
    run = folder / "ssnp"
    export_model(
        run,
        out / "ssnp",
        ModelCardInfo(f"SSNP for {prior} doors", LICENSE, training_command(run)),
        results=[regret] if regret else [],
        dtype="float16",
        overwrite=True,
    )
    export_encoder(
        out / "ssnp",
        out / "statistician",
        ModelCardInfo(f"Statistician for {prior} doors", LICENSE),
        density=_density(out / "ssnp", folder),
        results=[probes] if probes else [],
        overwrite=True,
    )


def _density(model: Path, folder: Path) -> LatentDensity | None:
    """The density of the exported statistician: that of an earlier export, or a new one."""
    earlier = folder / "weights" / "statistician"
    try:
        found = load_latent_density(earlier, weights_checksum(model))
    except CheckpointError:  # of other weights
        found = None
    return found or fitted_density(model, DoorDataset.open(folder / "dataset"))


def fitted_density(model: Path, dataset: DoorDataset) -> LatentDensity | None:
    """The density of the context latent of an SSNP's statistician over the training doors."""
    network = load_model(model)
    encoder = network.pretrained_encoder if isinstance(network, RewardModel) else None
    doors = {split: DoorData.load(dataset, split, "cpu") for split in ("train", "validation")}
    with TemporaryDirectory() as folder:
        config = LearningConfig(out=Path(folder))
        write_latent_density(config, encoder, doors["train"], doors["validation"], mirror=True)
        return load_latent_density(folder, checksum_of(encoder)) if encoder else None


if __name__ == "__main__":  # worker processes import this file
    tyro.cli(main)
