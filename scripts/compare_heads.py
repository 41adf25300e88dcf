"""Compares reward distributions: errors, log-likelihoods and calibration on validation doors.

Trains a neural process on a frozen embedding with every value of `--architecture.head`, several
numbers of labeled doors and several seeds. The test doors of the dataset are not used. Writes
OUT/heads.json; finished runs are skipped.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from doorlab.configs import updated
from doorlab.data import DoorDataset
from doorlab.data.tensors.batches import DoorData
from doorlab.evaluation.calibration import calibration_shares
from doorlab.evaluation.reward_metrics import CONTEXTS, predictions_on
from doorlab.intervals import bootstrap_crossed
from doorlab.models.architecture import Architecture
from doorlab.models.io import load_model
from doorlab.models.processes.reward_distributions import HEADS
from doorlab.results import write_result
from doorlab.stages import train
from doorlab.storage.files import refuse_overwrite


@dataclass(frozen=True)
class Config:
    """Dataset, embedding, heads, numbers of labeled doors and seeds."""

    data: Path
    """Folder of a dataset with interactions and validation doors."""
    pretrained: Path
    """Folder with runs seed-S of the pretrained encoder of the model (OUT/PRIOR/MODEL/rate-R of
    `doorlab represent`)."""
    out: Path = Path("runs/heads")
    """Folder of the runs and the result."""
    model: str = "contrastive_np"
    """Reward model: vae_np, statistician_np or contrastive_np."""
    heads: tuple[str, ...] = tuple(HEADS)
    """Heads to compare; differences are to the first head."""
    num_labeled: tuple[int, ...] = (80, 400)
    """Numbers of labeled training doors."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the training runs and of their pretrained encoders."""
    steps: int = 2000
    """Optimizer steps."""
    learning_rate: float = 2e-3
    """Peak learning rate."""
    frames: int = 5
    """Frames per door and step."""
    architecture: Architecture = field(default_factory=Architecture)
    """Sizes of the pretrained encoders; the head is replaced."""
    overwrite: bool = False
    """Replace an existing result."""


def run(config: Config) -> Path:
    """Runs the unfinished trainings and writes the result; returns its path."""
    path = config.out / "heads.json"
    refuse_overwrite(path, config.overwrite)
    dataset = DoorDataset.open(config.data)
    doors = DoorData.load(dataset, "validation")
    metrics: dict[str, Any] = {"validation_reward_variance": float(doors.rewards.var())}
    for labeled in config.num_labeled:
        scores = {
            head: [_scores(_train(config, head, labeled, s), doors) for s in config.seeds]
            for head in config.heads
        }
        metrics |= _compared(f"labeled_{labeled}", scores)
    write_result(path, "compare_heads", config, metrics, dataset.checksum, dataset.simulator)
    return path


def _train(config: Config, head: str, labeled: int, seed: int) -> Path:
    """Trains one model, or continues its run; returns its folder."""
    recipe = updated(
        train.PRESETS["small"],
        model=config.model,
        data=config.data,
        pretrained=config.pretrained / f"seed-{seed}",
        out=config.out / head / f"labeled-{labeled}" / f"seed-{seed}",
        architecture=dataclasses.replace(config.architecture, head=head),
        num_labeled=labeled,
        steps=config.steps,
        lr=config.learning_rate,
        frames=config.frames,
        seed=seed,
        encoder_fraction=0.0,
        validate_every=200,
        resume=True,
    )
    return train.run(recipe)


def _scores(folder: Path, doors: DoorData) -> dict[str, np.ndarray]:
    """Metric -> values per door (D,), averaged over the sizes of the context set."""
    predicted = predictions_on(load_model(folder), doors, CONTEXTS).values()
    per_door = {
        "reward_mse": [p.squared_error.mean(axis=1) for p in predicted],
        "log_likelihood": [p.log_likelihood.mean(axis=1) for p in predicted],
        "calibration_error": [calibration_shares(p.mean, p.outcome) for p in predicted],
    }
    return {name: np.mean(values, axis=0) for name, values in per_door.items()}


def _compared(group: str, scores: dict[str, list[dict[str, np.ndarray]]]) -> dict[str, Any]:
    """Scores of every head, and differences to the first head, paired by door and seed."""
    first, metrics = next(iter(scores)), {}
    for name in scores[first][0]:
        of = {head: np.stack([run[name] for run in runs]) for head, runs in scores.items()}
        for head, values in of.items():
            metrics[f"{group}/{head}/{name}"] = bootstrap_crossed(values)
            if head != first:
                difference = bootstrap_crossed(values - of[first])
                metrics[f"{group}/{head} - {first}/{name}"] = difference
    return metrics


if __name__ == "__main__":
    print(run(tyro.cli(Config, description=__doc__)))
