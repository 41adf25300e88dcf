"""Ask frozen representations about doors that they were not trained on.

For each model a linear probe per target: which side the hinge is on (handedness), pull or push
(swing), a handle that can work a latch (latch), width, height, handle height and place in the wall
from the door's embedding, the joint angle from the embedding of each frame. Probes are fitted on
training doors, their penalty is chosen on validation doors, and they are scored on test doors:
accuracy for categories, R^2 for numbers. No picture shows the latch itself, nor has a sliding door
an angle: `doorlab.data.targets` says what is asked instead.

A neural statistician embeds a door as the mean of q(c | frames); a context-free model embeds single
frames and is given their mean over the door, of one frame (--frames 1: the first, which shows the
door shut) or of several. With more than one number, --frames and --probe-doors give curves. Tables
are about 8 frames, or the most if 8 is not among them, and the most doors: there the latents are
probed apart, too: what the door's embedding says of the angle, and what that of a frame says of
the door.

Writes OUT/probes.json with 95 % intervals over doors, with the paired differences of the
statistician and every context-free model, and OUT/probes.npz with every test door's contribution to
every score. The claim that is tested is that of Liu et al. 2023 (arXiv 2305.16567): context beats
context-free embeddings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.data.labels import load_labels
from doorlab.data.schema import SPLITS
from doorlab.errors import ConfigError
from doorlab.evaluation.probes import TARGETS, ProbeScore, ProbeSpec, fit_probe, plan, sample_of
from doorlab.evaluation.probes.summary import headline, summarize
from doorlab.evaluation.trained_model import TrainedModel, by_kind
from doorlab.limits import PositiveInt, Seed, Threads, check_limits
from doorlab.models.encoders.base import DoorEncoder
from doorlab.models.io import weights_checksum
from doorlab.models.registry import CONTEXT_FREE, STATISTICIANS
from doorlab.options import Option
from doorlab.results import result_folder, write_result
from doorlab.runtime.devices import resolve_device, set_num_threads
from doorlab.runtime.torch_state import process_defaults
from doorlab.storage.files import atomic_write_arrays
from doorlab.terminal.progress import track
from doorlab.training.config import DEVICES

Scores = dict[ProbeSpec, ProbeScore]


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
    frames: tuple[PositiveInt, ...] = ()
    """Numbers of frames that embeddings are made from; all that the dataset has when empty."""
    probe_doors: tuple[PositiveInt, ...] = (1000,)
    """Numbers of training doors that probes are fitted on, at most (the first of the split)."""
    seed: Seed = 0
    """Seed of the bootstrap behind the intervals."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Where the models run: cpu, cuda, or auto for the best there is."""
    threads: Threads = 1
    """Threads of torch; 0 leaves its own choice."""
    overwrite: bool = False
    """Replace an earlier result."""

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True)
class Doors:
    """The doors of one split: pictures (D, M, H, W, 3) and the true answers by target."""

    images: np.ndarray
    answers: dict[str, np.ndarray]


@process_defaults()
def run(config: Config) -> Path:
    """Probes every model; returns the path of probes.json.

    Raises:
        ConfigError: when there is nothing to probe, a split is empty, or frames are lacking.
        DatasetError, CheckpointError: for what can't be read.
        ResultError: for a result that is there already, or that another process writes.
    """
    path = config.out / "probes.json"
    with result_folder(path, path.with_suffix(".npz"), overwrite=config.overwrite):
        _probe(config, path)
    return path


def _probe(config: Config, path: Path) -> None:
    config = replace(config, device=resolve_device(config.device))
    if not config.models:
        raise ConfigError("at least one model", "none", "give --models")
    set_num_threads(config.threads)
    dataset = DoorDataset.open(config.data)
    frames = chosen_frames(config, dataset)
    doors = {split: read_doors(dataset, split, config) for split in SPLITS}
    found = len(doors["train"].images)
    readings = plan(frames, [min(count, found) for count in config.probe_doors])
    scores: dict[str, Scores] = {}
    for kind, folder in track(by_kind(config.models).items(), "probe", "models"):
        model = TrainedModel.open(folder, dataset, config.device)
        scores[kind] = probe_model(model, doors, readings)
    shares = {kind: contributions(found) for kind, found in scores.items()}
    named = {f"{kind}/{r.name}": values for kind, s in shares.items() for r, values in s.items()}
    one_seed = {kind: {r: values[None] for r, values in s.items()} for kind, s in shares.items()}
    summary = summarize(one_seed, STATISTICIANS, CONTEXT_FREE, config.seed)
    add_choices(summary, scores)
    targets = about_targets(doors["test"])
    path.unlink(missing_ok=True)  # it says "done", and must not be found beside others' shares
    atomic_write_arrays(path.with_suffix(".npz"), named)
    write_result(
        path,
        "probe",
        config,
        {"differences": summary["differences"]},
        dataset.checksum,
        dataset.simulator,
        **summary,
        targets=targets,
        doors={split: len(found.images) for split, found in doors.items()},
        frames=max(frames),
        model_weights=[weights_checksum(model) for model in config.models],
    )


def chosen_frames(config: Config, dataset: DoorDataset) -> tuple[int, ...]:
    """The numbers of frames. Raises ConfigError for more than the dataset has."""
    frames = config.frames or (dataset.frames,)
    if not all(1 <= count <= dataset.frames for count in frames):
        raise ConfigError(
            f"--frames from 1 to the {dataset.frames} of {dataset.path}",
            " ".join(map(str, frames)),
            "ask for fewer, or generate more",
        )
    return frames


def read_doors(dataset: DoorDataset, split: str, config: Config) -> Doors:
    """The doors of a split; of the training split, the first ones, as many as are asked for."""
    indices = dataset.indices(split)
    if split == "train":
        if not config.probe_doors:
            raise ConfigError("--probe-doors with a number of doors", "none", "name some")
        indices = indices[: max(config.probe_doors)]
    if not len(indices):
        raise ConfigError(
            f"doors in the split {split!r} of {dataset.path}", "none", "generate a larger dataset"
        )
    return Doors(dataset.read("images", indices), load_labels(dataset, indices))


def probe_model(
    model: TrainedModel, doors: Mapping[str, Doors], readings: Iterable[ProbeSpec]
) -> Scores:
    """Every score; without targets that do not vary, or that the model can't answer."""
    scores: Scores = {}
    embedded: tuple[int, dict[str, dict[str, np.ndarray]]] = (0, {})
    for reading in sorted(readings, key=lambda reading: reading.frames):
        if embedded[0] != reading.frames:
            latents = {s: embed(model, d.images[:, : reading.frames]) for s, d in doors.items()}
            embedded = (reading.frames, latents)
        score = read(reading, embedded[1], doors)
        if score is not None:
            scores[reading] = score
    return scores


def embed(model: TrainedModel, images: np.ndarray) -> dict[str, np.ndarray]:
    """Latent -> embeddings of doors (D, E), of frames (D, M, Z) if the model has such."""
    latents = {"context": model.embed(images)}
    if isinstance(model.network, DoorEncoder):
        latents["instance"] = model.embed_frames(images)
    return latents


def read(
    reading: ProbeSpec, latents: Mapping[str, Mapping[str, np.ndarray]], doors: Mapping[str, Doors]
) -> ProbeScore | None:
    """One probe, or None where there is nothing to ask, or nobody to ask it of."""
    if reading.latent not in latents["test"]:
        return None
    used = {split: slice(reading.doors if split == "train" else None) for split in SPLITS}
    samples = [
        sample_of(
            reading,
            {latent: e[used[split]] for latent, e in latents[split].items()},
            doors[split].answers[reading.target][used[split]],
        )
        for split in SPLITS
    ]
    train, validation, test = samples
    if train is None or validation is None or test is None or not np.ptp(test.values):
        return None
    return fit_probe(TARGETS[reading.target].kind, train, validation, test)


def contributions(scores: Scores) -> dict[ProbeSpec, np.ndarray]:
    """Reading -> (D,): a test door's share of the score, the mean over its frames."""
    return {
        reading: score.contributions.reshape(len(score.contributions), -1).mean(axis=1)
        for reading, score in scores.items()
    }


def add_choices(summary: dict[str, Any], scores: Mapping[str, Scores]) -> None:
    """Adds to every score of a summary what the validation doors chose, and their score."""
    for kind, found in scores.items():
        for reading in headline(found):
            if reading.own:
                chosen = found[reading]
                summary["probes"][kind][reading.target] |= {
                    "penalty": chosen.penalty,
                    "validation": chosen.validation,
                }


def about_targets(test: Doors) -> dict[str, dict[str, Any]]:
    """What is asked, and what guessing the same for all test doors would score."""
    return {
        name: {
            "label": target.label,
            "metric": target.metric,
            "unit": target.unit,
            "guessing": _guessing(test.answers[name]) if target.kind == "binary" else 0.0,
        }
        for name, target in TARGETS.items()
    }


def _guessing(values: np.ndarray) -> float:
    share = float(np.mean(values))
    return max(share, 1.0 - share)
