"""Ask frozen representations about doors that they were not trained on.

For each model a linear probe per target: which side the hinge is on (handedness), pull or push
(swing), width, height, handle height and place in the wall from the door's embedding, the joint
angle from the embedding of each frame. Probes are fitted on training doors, their penalty is chosen
on validation doors, and they are scored on test doors: accuracy for categories, R^2 for numbers.

A neural statistician embeds a door as the mean of q(c | frames); a context-free model embeds single
frames and is given their mean over the door. Writes OUT/probes.json with 95 % intervals over doors
and, where both kinds are there, the paired differences. The claim that
is tested is that of Liu et al. 2023 (arXiv 2305.16567): context beats context-free embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import SPLITS, door_array
from doorlab.errors import ConfigError
from doorlab.files import refuse_overwrite
from doorlab.intervals import paired_difference
from doorlab.probes import TARGETS, ProbeScore, Sample, fit_probe, target_values
from doorlab.probes.targets import JOINT_POSITION
from doorlab.progress import track
from doorlab.results import write_result
from doorlab.stages.frozen import FrozenModel, by_kind

CONTEXT_FREE = ("vae",)


@dataclass(frozen=True)
class Config:
    """Which models, on which doors."""

    data: Path = Path("runs/demo/dataset")
    """Dataset whose doors are probed."""
    models: tuple[Path, ...] = (
        Path("runs/demo/pretrain/vae"),
        Path("runs/demo/pretrain/statistician"),
    )
    """Runs of `doorlab pretrain` (or train: reward models embed doors, too)."""
    out: Path = Path("runs/demo/probe")
    """Folder of the result."""
    doors: int = 1000
    """Training doors that the probes are fitted on, at most (the first of the split)."""
    seed: int = 0
    """Seed of the bootstrap behind the intervals."""
    device: str = "cpu"
    """Where the models run: cpu, cuda."""
    threads: int = 1
    """Threads of torch."""
    overwrite: bool = False
    """Replace an earlier result."""


@dataclass(frozen=True)
class Doors:
    """The doors of one split: pictures (D, M, H, W, 3) and the true answers by target."""

    images: np.ndarray
    answers: dict[str, np.ndarray]


def run(config: Config) -> Path:
    """Probes every model; returns the path of probes.json.

    Raises:
        ConfigError: when there is nothing to probe or a split is empty.
        DatasetError, CheckpointError: for what can't be read.
        ResultError: for a result that is there already.
    """
    path = config.out / "probes.json"
    refuse_overwrite(path, config.overwrite)
    if not config.models:
        raise ConfigError("at least one model", "none", "give --models")
    torch.set_num_threads(config.threads)
    dataset = DoorDataset.open(config.data)
    doors = {split: read_doors(dataset, split, config) for split in SPLITS}
    scores: dict[str, dict[str, ProbeScore]] = {}
    for kind, folder in track(by_kind(config.models).items(), "probes"):
        model = FrozenModel.open(folder, dataset, config.device)
        scores[kind] = probe_model(model, doors)
    differences = compare(scores, config.seed)
    write_result(
        path,
        "probe",
        config,
        {"differences": differences},
        dataset.checksum,
        probes={kind: describe(found, config.seed) for kind, found in scores.items()},
        differences=differences,
        doors={split: len(found.images) for split, found in doors.items()},
    )
    return path


def read_doors(dataset: DoorDataset, split: str, config: Config) -> Doors:
    """The doors of a split; of the training split, at most `config.doors`, the first ones."""
    indices = dataset.indices(split)
    indices = indices[: config.doors] if split == "train" else indices
    if not len(indices):
        raise ConfigError(
            f"doors in the split {split!r} of {dataset.path}", "none",
            "ask for more --doors, or generate a larger dataset",
        )  # fmt: skip
    sources = [target.source for target in TARGETS.values()]
    stored = {s: s if s == JOINT_POSITION else door_array(s) for s in sources}
    arrays = {source: dataset.read(name, indices) for source, name in stored.items()}
    answers = {name: target_values(name, arrays) for name in TARGETS}
    return Doors(dataset.read("images", indices), answers)


def probe_model(model: FrozenModel, doors: dict[str, Doors]) -> dict[str, ProbeScore]:
    """Every target's score; without targets that do not vary, or that the model can't answer."""
    of_doors = {split: model.embed(d.images) for split, d in doors.items()}
    of_frames = {}
    if hasattr(model.network, "embed_frames"):
        of_frames = {split: model.embed_frames(d.images) for split, d in doors.items()}
    scores = {}
    for name, target in TARGETS.items():
        embeddings = of_frames if target.per_frame else of_doors
        if not embeddings or not np.ptp(doors["test"].answers[name]):
            continue
        samples = [Sample(embeddings[s], doors[s].answers[name]) for s in SPLITS]
        scores[name] = fit_probe(target.kind, *samples)
    return scores


def describe(scores: dict[str, ProbeScore], seed: int) -> dict[str, dict[str, Any]]:
    """Scores as result files hold them."""
    return {
        name: {
            "metric": TARGETS[name].metric,
            **score.estimate(seed).to_json(),
            "penalty": score.penalty,
        }
        for name, score in scores.items()
    }


def compare(scores: dict[str, dict[str, ProbeScore]], seed: int) -> dict[str, dict[str, Any]]:
    """Paired differences of the statistician and each context-free model, by target."""
    ours = scores.get("statistician", {})
    return {
        f"statistician - {kind}": {
            name: paired_difference(
                ours[name].contributions, theirs[name].contributions, seed=seed
            ).to_json()
            for name in ours
            if name in theirs
        }
        for kind, theirs in scores.items()
        if ours and kind in CONTEXT_FREE
    }
