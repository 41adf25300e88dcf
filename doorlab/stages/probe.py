"""Evaluate frozen embeddings with linear probes on held-out doors.

The command fits one linear probe per model and target. Targets of a door's embedding are the side
of the hinge (handedness), pull or push (swing), whether the handle can operate a latch (latch),
width, height, handle height, and place in the wall. The target of a frame's embedding is the joint
angle. Probes are fitted on training doors; their penalty is chosen on validation doors; scores are
on test doors: accuracy for categories, R^2 for numbers. Images do not show the latch itself, and
sliding doors have no angle: `doorlab.data.targets` defines the targets for these cases.

A neural statistician embeds a door as the mean of q(c | frames). A context-free model embeds single
frames; its embedding of a door is their mean, over one frame (--frames 1: the first frame, which
shows the closed door) or several. If --frames or --probe-doors has several values, the result
contains curves over them. Tables use 8 frames (the largest --frames if 8 is not among them) and the
largest number of doors. For the tables, both latents are probed for all targets: the door's
embedding also for the angle, the frame's embedding also for the parameters of the door.

The result also tells what embeddings contain without labels: the accuracy of the independent
components that should be the side and the swing (`doorlab.nn.independent_components`).

The command writes OUT/probes.json, with 95 % intervals over doors and the paired differences
between the statistician and every context-free model, and OUT/probes.npz, with the contribution of
every test door to every score. The probes test the claim of Liu et al. 2023 (arXiv 2305.16567) that
context embeddings are better than context-free embeddings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float

from doorlab.data.dataset import DoorDataset
from doorlab.data.labels import load_labels
from doorlab.data.schema import SPLITS
from doorlab.errors import ConfigError
from doorlab.evaluation.probes import TARGETS, ProbeScore, ProbeSpec, fit_probe, plan, sample_of
from doorlab.evaluation.probes.components import component_accuracy
from doorlab.evaluation.probes.summary import headline, summarize
from doorlab.evaluation.trained_model import TrainedModel, by_kind
from doorlab.intervals import bootstrap_mean
from doorlab.limits import PositiveInt, Seed, Threads, check_limits
from doorlab.models.encoders.base import DoorEncoder
from doorlab.models.io import weights_checksum
from doorlab.models.registry import CONTEXT_FREE, STATISTICIANS
from doorlab.nn.independent_components import DEFAULT_FLOOR, independent_components
from doorlab.options import Option
from doorlab.results import result_folder, write_result
from doorlab.run_layout import PROBES_FILE
from doorlab.runtime.devices import resolve_device, set_num_threads
from doorlab.runtime.torch_state import process_defaults
from doorlab.storage.files import atomic_write_arrays
from doorlab.terminal.progress import track
from doorlab.training.config import DEVICES

Scores = dict[ProbeSpec, ProbeScore]
Latents = Mapping[str, Mapping[str, np.ndarray]]
"""Split -> latent -> embeddings."""

_DOORS_AT_ONCE = 256  # doors whose images are read at once; limits memory


@dataclass(frozen=True)
class Config:
    """Models and doors to probe."""

    data: Path = Path("runs/demo/dataset")
    """Folder or URL of the dataset with the doors."""
    models: tuple[Path, ...] = (
        Path("runs/demo/pretrain/contrastive_statistician"),
        Path("runs/demo/pretrain/statistician"),
        Path("runs/demo/pretrain/vae"),
    )
    """Models to probe: run folders of `doorlab pretrain`, or of `doorlab train`, whose models embed
    doors too; folders of `doorlab export`; names of shipped weights (narrow: its statistician)."""
    out: Path = Path("runs/demo/probe")
    """Folder of the result."""
    frames: tuple[PositiveInt, ...] = ()
    """Numbers of frames per embedding; several values give curves. If empty, all frames of the
    dataset."""
    probe_doors: tuple[PositiveInt, ...] = (1000,)
    """Maximum numbers of training doors per probe; several values give curves. The first doors of
    the split are used."""
    seed: Seed = 0
    """Seed of the bootstrap of the intervals."""
    device: Annotated[str, Option(DEVICES)] = "auto"
    """Device of the models: cpu, cuda, or auto for the best available device."""
    threads: Threads = 1
    """Torch threads; 0 keeps the default of torch."""
    overwrite: bool = False
    """Replace an existing result in --out."""

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True)
class Doors:
    """Doors of one split: their indices int64 (D,), and the true values of each target.

    Images are read in parts: those of a split need not fit into memory.
    """

    dataset: DoorDataset
    indices: np.ndarray
    answers: dict[str, np.ndarray]

    def __len__(self) -> int:
        """D, the number of doors."""
        return len(self.indices)

    def iter_images(self, frames: int) -> Iterator[np.ndarray]:
        """Yields the first images (D, M, H, W, 3) of all doors, some doors at a time."""
        for first in range(0, len(self), _DOORS_AT_ONCE):
            doors = self.indices[first : first + _DOORS_AT_ONCE]
            yield self.dataset.read("images", doors)[:, :frames]


@process_defaults()
def run(config: Config) -> Path:
    """Probes every model; returns the path of probes.json.

    Raises:
        ConfigError: if no model is given, a split is empty, or the dataset has too few frames.
        DatasetError, CheckpointError: if the dataset or a run can't be read.
        ResultError: if the result exists already, or another process writes it.
    """
    path = config.out / PROBES_FILE
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
    available = len(doors["train"])
    readings = plan(frames, [min(count, available) for count in config.probe_doors])
    scores: dict[str, Scores] = {}
    components: dict[str, dict[str, Any]] = {}
    folders = by_kind(config.models)
    for kind, folder in track(folders.items(), "probe", "models"):
        model = TrainedModel.open(folder, dataset, config.device)
        embedded = {
            count: {s: embed(model, d, count) for s, d in doors.items()} for count in frames
        }
        scores[kind] = probe_model(embedded, doors, readings)
        mirrored = embed(model, doors["train"], max(frames), mirror=True)["context"]
        components[kind] = score_components(embedded[max(frames)], mirrored, doors, config.seed)
    shares = {kind: contributions(found) for kind, found in scores.items()}
    named = {f"{kind}/{r.name}": values for kind, s in shares.items() for r, values in s.items()}
    one_seed = {kind: {r: values[None] for r, values in s.items()} for kind, s in shares.items()}
    summary = summarize(one_seed, STATISTICIANS, CONTEXT_FREE, config.seed)
    add_choices(summary, scores)
    targets = about_targets(doors["test"])
    # probes.json marks a finished run; an old one must not remain next to new contributions.
    path.unlink(missing_ok=True)
    atomic_write_arrays(path.with_suffix(".npz"), named)
    write_result(
        path,
        "probe",
        config,
        {"differences": summary["differences"]},
        dataset.checksum,
        dataset.simulator,
        **summary,
        components=components,
        targets=targets,
        doors={split: len(found) for split, found in doors.items()},
        frames=max(frames),
        model_weights=[weights_checksum(folder) for folder in folders.values()],
    )


def chosen_frames(config: Config, dataset: DoorDataset) -> tuple[int, ...]:
    """Numbers of frames to probe. Raises ConfigError if the dataset has fewer frames."""
    frames = config.frames or (dataset.frames,)
    if not all(1 <= count <= dataset.frames for count in frames):
        raise ConfigError(
            f"--frames from 1 to {dataset.frames} (the frames of {dataset.path})",
            " ".join(map(str, frames)),
            "lower --frames, or generate a dataset with more frames",
        )
    return frames


def read_doors(dataset: DoorDataset, split: str, config: Config) -> Doors:
    """The doors of a split; from the training split only the first --probe-doors.

    Raises ConfigError if --probe-doors is empty, or if the split has no doors.
    """
    indices = dataset.indices(split)
    if split == "train":
        if not config.probe_doors:
            raise ConfigError("at least one value of --probe-doors", "none", "give a number")
        indices = indices[: max(config.probe_doors)]
    if not len(indices):
        raise ConfigError(
            f"doors in the split {split!r} of {dataset.path}", "none", "generate a larger dataset"
        )
    return Doors(dataset, indices, load_labels(dataset, indices))


def probe_model(
    embedded: Mapping[int, Latents], doors: Mapping[str, Doors], readings: Iterable[ProbeSpec]
) -> Scores:
    """Fits and scores every probe; leaves out the probes for which `read` returns None.

    Args:
        embedded: number of frames -> latents of a model.
        doors: doors of every split.
        readings: probes, with these numbers of frames.
    """
    found = {reading: read(reading, embedded[reading.frames], doors) for reading in readings}
    return {reading: score for reading, score in found.items() if score is not None}


def embed(
    model: TrainedModel, doors: Doors, frames: int, mirror: bool = False
) -> dict[str, np.ndarray]:
    """Embeddings by latent: "context" (D, E) and, for encoders, "instance" (D, M, Z).

    Args:
        model: a trained encoder or reward model.
        doors: doors of a split.
        frames: M, number of frames of each door, the first ones.
        mirror: embed the mirror images of the doors, "context" only.
    """
    functions = {"context": model.embed}
    if isinstance(model.network, DoorEncoder) and not mirror:
        functions["instance"] = model.embed_frames
    parts = []
    for images in doors.iter_images(frames):
        seen = np.ascontiguousarray(images[:, :, :, ::-1]) if mirror else images
        parts.append({name: function(seen) for name, function in functions.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in functions}


def read(reading: ProbeSpec, latents: Latents, doors: Mapping[str, Doors]) -> ProbeScore | None:
    """Fits and scores one probe.

    Returns None if the model lacks the latent, if a split has no values of the target, or if the
    target is constant on the test doors.
    """
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


def score_components(
    latents: Latents,
    mirrored: Float[np.ndarray, "D E"],
    doors: Mapping[str, Doors],
    seed: int,
) -> dict[str, Any]:
    """Target -> accuracy of the independent component that should be the target.

    Args:
        latents: latents of a model.
        mirrored: its embeddings of the mirror images of the training doors.
        doors: doors of every split.
        seed: seed of the bootstrap of the intervals.
    """
    context = {split: found["context"].astype(np.float64) for split, found in latents.items()}
    correct = component_accuracy(
        independent_components(context["train"], mirrored.astype(np.float64), DEFAULT_FLOOR),
        context["validation"],
        context["test"],
        doors["validation"].answers,
        doors["test"].answers,
    )
    return {
        target: {"metric": "accuracy", **bootstrap_mean(values, seed=seed).to_json()}
        for target, values in correct.items()
    }


def contributions(scores: Scores) -> dict[ProbeSpec, np.ndarray]:
    """Probe -> (D,): the contribution of each test door to the score, averaged over its frames."""
    return {
        reading: score.contributions.reshape(len(score.contributions), -1).mean(axis=1)
        for reading, score in scores.items()
    }


def add_choices(summary: dict[str, Any], scores: Mapping[str, Scores]) -> None:
    """Adds the chosen penalty and the validation score to every score of a summary."""
    for kind, by_probe in scores.items():
        for reading in headline(by_probe):
            if reading.own:
                chosen = by_probe[reading]
                summary["probes"][kind][reading.target] |= {
                    "penalty": chosen.penalty,
                    "validation": chosen.validation,
                }


def about_targets(test: Doors) -> dict[str, dict[str, Any]]:
    """Label, metric and unit of each target, and the score of a constant prediction on `test`."""
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
