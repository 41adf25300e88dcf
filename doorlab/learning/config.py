"""What `doorlab pretrain` and `doorlab train` share: settings, the run folder, its files.

OUT/model.json, weights.safetensors     the trained model
OUT/familiarity.safetensors             of `doorlab train`: what doors of training look like to it
OUT/checkpoint.safetensors              where --resume goes on; removed at the end
OUT/tensorboard/                        scalars
OUT/metrics.json                        figures and history; written last: it says "done"
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from torch import nn

from doorlab.data.config import ImageSize
from doorlab.data.dataset import DoorDataset
from doorlab.data.sources.simulation import ActionMix, GenerationConfig
from doorlab.doors import PRIORS
from doorlab.doors.priors import DEFAULT_PRIOR, get_prior, prior_label, recorded_ranges
from doorlab.errors import ConfigError, ResultError, unknown_name
from doorlab.limits import NonNegativeInt, PositiveInt, at_least
from doorlab.models.architecture import Architecture, completed
from doorlab.models.description import MODEL_FILE, WEIGHTS_FILE
from doorlab.models.familiarity import FAMILIARITY_FILE
from doorlab.models.io import save_model, weights_checksum
from doorlab.options import Option
from doorlab.results import read_result, write_result
from doorlab.serialization import to_json
from doorlab.storage.files import refuse_overwrite
from doorlab.storage.json_schema import Maybe
from doorlab.terminal.text import print_line
from doorlab.training import FitResult, TrainConfig, check_devices
from doorlab.training.checkpoint import (
    CHECKPOINT_FILE,
    EARLIER_FILE,
    has_checkpoint,
    load_checkpoint,
)
from doorlab.training.config import differing
from doorlab.training.metric_logger import TENSORBOARD_FOLDER

METRICS_FILE = "metrics.json"
_METRICS = {
    "config": {"steps": at_least(0)},
    "settings?": {"architecture?": dict, "pretrained?": Maybe(dict)},
    "figures": dict,
    "dataset_checksum": Maybe(str),
    "generation_key?": Maybe({"prior": str, "seed": at_least(0)}),
}


@dataclass(frozen=True)
class LearningConfig(TrainConfig):
    """The settings that every kind of training has."""

    OPTION_GROUPS: ClassVar[dict[str, tuple[str, ...]]] = {
        "online": ("online", "prior", "image_size", "sequence_length", "action_mix"),
        "monitoring": (*TrainConfig.OPTION_GROUPS["monitoring"], "validation_doors"),
    }

    preset: str = "tiny"
    """Defaults for everything else: tiny (minutes), small (an afternoon on 2 cores), full (GPU)."""
    model: str = ""
    """Name of the model."""
    data: Path | None = None
    """Dataset whose training doors are learned from; runs/dataset if none is named. With --online,
    the dataset whose validation doors are looked at; if none is named, these are fresh, too."""
    online: bool = False
    """Draw fresh doors at every step, on the device, instead of reading a dataset."""
    prior: Annotated[str, Option(tuple(PRIORS))] = DEFAULT_PRIOR
    """Prior of fresh doors: narrow (one look for all), narrow_moving (narrow with a new camera pose
    in every frame), default (all looks), wild. An import path MODULE:NAME of a DoorPrior and a JSON
    file of its ranges (FILE.json) are accepted, too."""
    image_size: ImageSize = 64
    """Height and width of a frame of fresh doors, pixels."""
    sequence_length: PositiveInt = 8
    """Frames in the film of a fresh door, of which --frames are drawn; the first is shut."""
    action_mix: ActionMix = "plausible"
    """How fresh doors are tried, uniform or plausible: see `doorlab generate`."""
    out: Path = Path("runs/model")
    """Folder of the run."""
    batch: PositiveInt = 16
    """Doors per step."""
    frames: PositiveInt = 5
    """Frames per door and step, drawn anew every time."""
    validation_doors: NonNegativeInt = 200
    """Validation doors that are looked at, at most."""
    architecture: Architecture = field(default_factory=Architecture)
    """Sizes of the networks."""
    resume: bool = False
    """Go on where the run in --out stopped; leave it alone if it is finished."""
    overwrite: bool = False
    """Replace the run in --out."""


C = TypeVar("C", bound=LearningConfig)

_DATA = Path("runs/dataset")
_ONLINE_ONLY = frozenset({"online", "prior", "image_size", "sequence_length", "action_mix"})
# Settings that say where things lie and how a run is started, not what is computed.
_PATH_SETTINGS = frozenset({"data", "out", "resume", "overwrite", "stop_after", "pretrained"})


def resolved(config: C, models: Mapping[str, Any], steps: Mapping[str, Mapping[str, int]]) -> C:
    """The config with its number of steps; ConfigError for what can't be trained.

    Args:
        config: of the stage.
        models: the stage's registry.
        steps: preset -> model -> steps.
    """
    if config.model not in models:
        raise unknown_name("model", config.model, models)
    if config.preset not in steps:
        raise unknown_name("preset", config.preset, steps)
    if config.batch < 1 or config.batch % config.devices:
        raise ConfigError(
            f"--batch as a positive multiple of the {config.devices} devices",
            f"{config.batch}",
            "change --batch or --devices",
        )
    if config.resume and config.overwrite:
        raise ConfigError("--resume or --overwrite", "both", "choose one")
    check_devices(config)
    data = config.data if config.online else config.data or _DATA
    return replace(config, data=data, steps=config.steps or steps[config.preset][config.model])


def open_data(config: LearningConfig) -> DoorDataset | None:
    """The dataset of a resolved config; None for fresh doors alone.

    Raises ConfigError when fresh doors are to be looked at in another size than recorded ones.
    """
    if config.data is None:
        return None
    dataset = DoorDataset.open(config.data)
    if config.online and dataset.image_size != config.image_size:
        raise ConfigError(
            f"--image-size {dataset.image_size}, as in {dataset.path}",
            f"{config.image_size}",
            "change it, or leave --data out",
        )
    return dataset


def dataset_image_size(config: LearningConfig, dataset: DoorDataset | None) -> int:
    """Pixels to a side of the frames of a run."""
    return config.image_size if dataset is None else dataset.image_size


def run_settings(config: LearningConfig, dataset: DoorDataset | None) -> dict[str, Any]:
    """What a resumed run must agree with, as plain values."""
    mine = {f.name: to_json(getattr(config, f.name)) for f in fields(config)}
    idle = _PATH_SETTINGS if config.online else _PATH_SETTINGS | _ONLINE_ONLY
    kept = {k: v for k, v in mine.items() if k not in idle}
    ranges = recorded_ranges(config.prior, get_prior(config.prior)) if config.online else None
    drawn = {f"prior.{name}": value for name, value in (ranges or {}).items()}
    return {**kept, **drawn, "dataset": dataset.checksum if dataset else None}


def finished_before(config: LearningConfig, settings: dict[str, Any], was_killed: bool) -> bool:
    """Whether the run in --out is done, for --resume; clears it for --overwrite.

    Args:
        config: of the stage. Its folder is owned by this process.
        settings: what a finished run must have been made with.
        was_killed: whether the process that wrote there before was (`folders.output_folder`).

    Raises:
        ResultError: when there is a run and neither was asked for, or a model without its run.
        ConfigError: when a finished run was made with other settings.
        CheckpointError: when a finished run has lost its weights, or has others.
    """
    if config.overwrite:
        _clear(config.out)
        return False
    done, stopped = os.path.lexists(config.out / METRICS_FILE), has_checkpoint(config.out)
    if not config.resume and (done or stopped):
        raise ResultError(
            f"no earlier run in {config.out}",
            "one that is finished" if done else "one that was stopped",
            "choose another --out, go on with --resume, or replace it with --overwrite",
        )
    if not done:
        if not (stopped or was_killed):
            _refuse_models(config.out)
        return False
    before = load_settings(config.out)
    before["architecture"] = completed(before.get("architecture", {}))
    changed = differing(before, settings)
    if changed:
        raise ConfigError(
            f"the settings of the finished run in {config.out}",
            f"others: {', '.join(changed)}",
            "choose another --out, or replace it with --overwrite",
        )
    weights_checksum(config.out)  # or say that they are damaged, before anything rests on them
    (config.out / CHECKPOINT_FILE).unlink(missing_ok=True)  # it was killed in its last moment
    return True


def _refuse_models(folder: Path) -> None:
    """A model without figures is no run that was stopped: somebody has copied it there."""
    for name in (MODEL_FILE, WEIGHTS_FILE):
        refuse_overwrite(folder / name, overwrite=False)


def load_settings(folder: Path) -> dict[str, Any]:
    """Of the run in a folder, finished or stopped; empty when there is none."""
    if os.path.lexists(folder / METRICS_FILE):
        return read_metrics(folder).get("settings", {})
    checkpoint = load_checkpoint(folder)
    return checkpoint.settings if checkpoint else {}


def read_metrics(folder: Path) -> dict[str, Any]:
    """The metrics of a finished run. Raises ResultError when they can't be read."""
    return read_result(folder / METRICS_FILE, schema=_METRICS)


def generation_key(dataset: DoorDataset) -> dict[str, Any] | None:
    """What two datasets share whose doors are the same ones; None for doors that are real."""
    config = dataset.config
    if not isinstance(config, GenerationConfig):
        return None
    return {"prior": prior_label(config.prior), "seed": config.seed}


def check_doors(config: LearningConfig, dataset: DoorDataset, limit: int) -> None:
    """Raises ConfigError when the dataset has not the doors or the frames that are asked for.

    Before anything is removed or written: a slip of the hand must not cost an earlier run.
    """
    found = len(dataset.indices("train"))
    if not 0 <= limit <= found or not found:
        raise ConfigError(
            f"at most the {found} training doors of {dataset.path} (0: all of them)",
            f"{limit}",
            "ask for fewer, or generate more",
        )
    if not 1 <= config.frames <= dataset.frames:
        raise ConfigError(
            f"--frames from 1 to the {dataset.frames} of {dataset.path}",
            f"{config.frames}",
            "ask for fewer, or generate more",
        )


def finish(
    stage: str,
    config: LearningConfig,
    dataset: DoorDataset | None,
    model: nn.Module,
    architecture: Architecture,
    outcome: FitResult,
    figures: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    """Writes what a finished run leaves behind, metrics.json last.

    The checksum is that of the dataset that was learned from, and generation_key says what its
    doors were drawn from: null after --online.
    """
    learned = None if config.online else dataset
    checksum = learned.checksum if learned else None
    about = {"seed": config.seed, "dataset_checksum": checksum, "steps": config.steps}
    if config.online:
        about["online"] = {"prior": config.prior, "simulator": "torch"}
    save_model(
        config.out, model, config.model, dataset_image_size(config, dataset), architecture, **about
    )
    parameters = sum(p.numel() for p in model.parameters())
    write_result(
        config.out / METRICS_FILE,
        stage,
        config,
        {"parameters": parameters, "steps": outcome.step, "seconds": outcome.seconds, **figures},
        checksum,
        learned.simulator if learned else "torch",
        model=config.model,
        online=config.online,
        generation_key=generation_key(learned) if learned else None,
        settings=settings,
        history=outcome.history,
    )
    (config.out / CHECKPOINT_FILE).unlink(missing_ok=True)


def report_stop(config: LearningConfig, outcome: FitResult) -> None:
    """Says how to go on with a run that is not finished. Raises KeyboardInterrupt for a signal."""
    message = f"stopped after step {outcome.step} of {config.steps}; go on with --resume"
    if outcome.interrupted:
        raise KeyboardInterrupt(message)
    print_line(message)


def _clear(folder: Path) -> None:
    """Removes the files of an earlier run, those that say "done" first; nothing else."""
    models = (MODEL_FILE, WEIGHTS_FILE, FAMILIARITY_FILE)
    for name in (METRICS_FILE, *models, CHECKPOINT_FILE, EARLIER_FILE):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / TENSORBOARD_FOLDER, ignore_errors=True)


def with_preset(config: C, preset: str, **changes: Any) -> C:
    """A preset made from another config."""
    return dataclasses.replace(config, preset=preset, **changes)
