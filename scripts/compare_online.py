"""Fresh doors at every step against a fixed dataset, at equal steps and batches.

Generates a dataset with the simulator `torch`, trains a statistician and an SSNP on it (all of its
training doors labelled) and on fresh doors of the same prior, and looks at all of them on the
dataset's test doors. Writes OUT/online.json; work that is done already is kept.
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
    """How many doors, and how long to train."""

    out: Path = Path("runs/online")
    """Folder of the dataset, the runs and the result."""
    doors: int = 1400
    """Doors of the dataset, of which 210 are for testing."""
    prior: str = DEFAULT_PRIOR
    """Prior of all doors."""
    steps: int = 0
    """Steps of every model; 0 for those of the preset tiny."""
    seed: int = 0
    """Seed of the dataset and the runs."""
    overwrite: bool = False
    """Replace the result."""


def run(config: Config) -> Path:
    """Trains what is not trained yet and writes the result; returns its path."""
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
    figures: dict[str, Any] = {"test_reward_variance": float(doors.rewards.var())}
    for name, fixed in errors["dataset"].items():
        fresh = errors["online"][name]
        figures[f"dataset/{name}"] = bootstrap_mean(fixed, seed=config.seed)
        figures[f"online/{name}"] = bootstrap_mean(fresh, seed=config.seed)
        figures[f"online - dataset/{name}"] = paired_difference(fresh, fixed, seed=config.seed)
    runs = {source: _about(config.out / source, seconds[source]) for source in SOURCES}
    write_result(
        path, "compare_online", config, figures, dataset.checksum, dataset.simulator, runs=runs
    )
    return path


def _train(config: Config, source: str, data: Path) -> dict[str, float]:
    """Trains both models. Run -> seconds of processor time, all threads; hardly any if it was done.

    Other processes on the machine change these less than the time on the clock.
    """
    folder, common = config.out / source, {"seed": config.seed, "steps": config.steps}
    common |= {"data": data, "resume": True, "device": "cpu"}
    common |= {"online": source == "online", "prior": config.prior}
    start = time.process_time()
    frames = dataclasses.replace(pretrain.PRESETS["tiny"], out=folder / "statistician", **common)
    pretrain.run(frames)
    middle = time.process_time()
    rewards = dataclasses.replace(train.PRESETS["tiny"], labelled=0, out=folder / "ssnp", **common)
    train.run(rewards)
    return {"statistician": middle - start, "ssnp": time.process_time() - middle}


def _errors(folder: Path, doors: DoorData) -> dict[str, Any]:
    """Name -> errors on every test door: (D,), or (D, T) of rewards."""
    statistician, ssnp = load_model(folder / "statistician"), load_model(folder / "ssnp")
    said = predictions_on(ssnp, doors, (0, 1, 4, 10))
    return {
        "reconstruction_mse": pretrain.reconstruction_errors(
            statistician, PretrainingSet(doors)
        ).numpy(),
        **{f"reward_mse_after_{seen}": p.squared_error for seen, p in said.items()},
    }


def _about(folder: Path, seconds: dict[str, float]) -> dict[str, Any]:
    """Processor time, and what the runs say of themselves: steps, doors seen, time drawing."""
    names = ("steps", "seconds", "labelled_doors", "doors_seen", "drawing_share", "waiting_share")
    return {
        run.name: {
            "processor_seconds": seconds[run.name],
            **{name: found[name] for name in names if name in found},
        }
        for run in sorted(folder.iterdir())
        for found in [read_json(run / "metrics.json")["figures"]]
    }


if __name__ == "__main__":
    print(run(tyro.cli(Config, description=__doc__)))
