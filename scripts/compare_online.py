"""Compares training on streamed doors with training on a dataset, at equal steps and batches.

Generates a dataset with the simulator `torch`. Trains a statistician and an SSNP on it (with all
training doors labeled), and the same models on streamed doors of the same prior. Evaluates all of
them on the test doors of the dataset. Writes OUT/online.json; finished parts are skipped.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from doorlab.data import DoorDataset, GenerationConfig, write_dataset
from doorlab.data.tensors.batches import DoorData
from doorlab.doors.priors import DEFAULT_PRIOR
from doorlab.evaluation.reward_metrics import predictions_on
from doorlab.intervals import bootstrap_mean, paired_difference
from doorlab.learning.pretraining_set import PretrainingSet
from doorlab.models.io import load_model
from doorlab.results import write_result
from doorlab.stages import pretrain, train
from doorlab.storage.files import read_json, refuse_overwrite

SOURCES = ("dataset", "online")


@dataclass(frozen=True)
class Config:
    """Size of the dataset, and number of steps."""

    out: Path = Path("runs/online")
    """Folder of the dataset, the runs and the result."""
    doors: int = 1400
    """Number of doors in the dataset; the default contains 210 test doors."""
    prior: str = DEFAULT_PRIOR
    """Prior of all doors."""
    steps: int = 0
    """Steps of every model; 0 for the default of the preset tiny."""
    seed: int = 0
    """Seed of the dataset and the runs."""
    overwrite: bool = False
    """Replace an existing result."""


def run(config: Config) -> Path:
    """Runs the unfinished trainings and writes the result; returns its path."""
    path = config.out / "online.json"
    refuse_overwrite(path, config.overwrite)
    data = config.out / "doors"
    recipe = GenerationConfig(
        doors=config.doors, prior=config.prior, simulator="torch", seed=config.seed, videos=0
    )
    write_dataset(data, recipe, resume=True)
    dataset = DoorDataset.open(data)
    doors = DoorData.load(dataset, "test")
    seconds = {source: _train(config, source, data) for source in SOURCES}
    errors = {source: _errors(config.out / source, doors) for source in SOURCES}
    metrics: dict[str, Any] = {"test_reward_variance": float(doors.rewards.var())}
    for name, fixed in errors["dataset"].items():
        streamed = errors["online"][name]
        metrics[f"dataset/{name}"] = bootstrap_mean(fixed, seed=config.seed)
        metrics[f"online/{name}"] = bootstrap_mean(streamed, seed=config.seed)
        metrics[f"online - dataset/{name}"] = paired_difference(streamed, fixed, seed=config.seed)
    runs = {source: _about(config.out / source, seconds[source]) for source in SOURCES}
    write_result(
        path, "compare_online", config, metrics, dataset.checksum, dataset.simulator, runs=runs
    )
    return path


def _train(config: Config, source: str, data: Path) -> dict[str, float]:
    """Trains both models: run -> CPU time in seconds, over all threads; near 0 for finished runs.

    Other processes on the machine affect CPU time less than wall-clock time.
    """
    folder, common = config.out / source, {"seed": config.seed, "steps": config.steps}
    common |= {"data": data, "resume": True, "device": "cpu"}
    common |= {"online": source == "online", "prior": config.prior}
    start = time.process_time()
    frames = dataclasses.replace(pretrain.PRESETS["tiny"], out=folder / "statistician", **common)
    pretrain.run(frames)
    middle = time.process_time()
    rewards = dataclasses.replace(
        train.PRESETS["tiny"], num_labeled=0, out=folder / "ssnp", **common
    )
    train.run(rewards)
    return {"statistician": middle - start, "ssnp": time.process_time() - middle}


def _errors(folder: Path, doors: DoorData) -> dict[str, Any]:
    """Metric -> errors on test doors: (D,), or (D, T) for rewards."""
    statistician, ssnp = load_model(folder / "statistician"), load_model(folder / "ssnp")
    predicted = predictions_on(ssnp, doors, (0, 1, 4, 10))
    return {
        "reconstruction_mse": pretrain.reconstruction_errors(
            statistician, PretrainingSet(doors)
        ).numpy(),
        **{f"reward_mse_after_{size}": p.squared_error for size, p in predicted.items()},
    }


def _about(folder: Path, seconds: dict[str, float]) -> dict[str, Any]:
    """CPU time, and metrics of the runs: steps, doors, and time spent sampling doors."""
    names = ("steps", "seconds", "labeled_doors", "doors_seen", "drawing_share", "waiting_share")
    return {
        run.name: {
            "processor_seconds": seconds[run.name],
            **{name: found[name] for name in names if name in found},
        }
        for run in sorted(folder.iterdir())
        for found in [read_json(run / "metrics.json")["metrics"]]
    }


if __name__ == "__main__":
    print(run(tyro.cli(Config, description=__doc__)))
