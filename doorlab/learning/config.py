"""Shared settings of `doorlab pretrain` and `doorlab train`, and their checks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from doorlab.data.dataset import DoorDataset
from doorlab.data.tensors.stream import StreamConfig
from doorlab.errors import ConfigError, unknown_name
from doorlab.limits import NonNegativeInt, PositiveInt
from doorlab.models.architecture import Architecture
from doorlab.options import Option
from doorlab.storage.store_urls import dataset_location
from doorlab.training import TrainConfig, check_devices

KEEP_IN_MEMORY = ("auto", "always", "never")


@dataclass(frozen=True)
class LearningConfig(TrainConfig):
    """Settings of every training stage."""

    preset: str = "tiny"
    """Defaults of other options: tiny (minutes), small (an afternoon on 2 cores), full (GPU)."""
    model: str = ""
    """Name of the model."""
    data: Path | None = None
    """Dataset to train on, folder or URL; runs/dataset by default. With --online, the dataset of
    the validation doors; without one, these are streamed, too."""
    keep_in_memory: Annotated[str, Option(KEEP_IN_MEMORY)] = "auto"
    """Whether the images of the training doors are kept in memory: always, never, or auto if they
    take at most half of the available memory (of the GPU with --device cuda). Otherwise threads
    read the batches from disk ahead of the training. The batches and the weights are the same."""
    online: bool = False
    """Train on streamed doors: sample, render and simulate new ones at every step, on the device,
    instead of reading a dataset."""
    stream: StreamConfig = field(default_factory=StreamConfig)
    """Doors of --online."""
    out: Path = Path("runs/model")
    """Folder of the run."""
    batch_size: PositiveInt = 16
    """Doors per step."""
    frames: PositiveInt = 5
    """Frames per door and step, sampled anew at every step."""
    validation_doors: NonNegativeInt = 200
    """Largest number of validation doors."""
    architecture: Architecture = field(default_factory=Architecture)
    """Sizes of the networks."""
    resume: bool = False
    """Continue the run in --out from its last checkpoint. A finished run is not changed."""
    overwrite: bool = False
    """Replace the run in --out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep_in_memory not in KEEP_IN_MEMORY:
            raise unknown_name("choice of --keep-in-memory", self.keep_in_memory, KEEP_IN_MEMORY)


C = TypeVar("C", bound=LearningConfig)

_DATA = Path("runs/dataset")


def resolved(config: C, default_steps: Callable[[str, str], int], presets: Iterable[str]) -> C:
    """The config with its number of steps and its dataset.

    Args:
        config: config of the stage.
        default_steps: (preset, model) -> steps; raises ConfigError for an unknown model.
        presets: names of the presets.

    Raises ConfigError for invalid settings.
    """
    if config.preset not in presets:
        raise unknown_name("preset", config.preset, presets)
    steps = default_steps(config.preset, config.model)
    if config.batch_size % config.compute.devices:
        raise ConfigError(
            f"--batch-size as a multiple of the {config.compute.devices} devices",
            f"{config.batch_size}",
            "change --batch-size or --devices",
        )
    if config.resume and config.overwrite:
        raise ConfigError("--resume or --overwrite", "both", "choose one")
    check_devices(config.compute)
    data = config.data if config.online else config.data or _DATA
    data = None if data is None else dataset_location(data)
    return replace(config, data=data, steps=config.steps or steps)


def open_data(config: LearningConfig) -> DoorDataset | None:
    """The dataset of a resolved config; None if all doors are streamed.

    Raises ConfigError if streamed doors have another image size than the dataset.
    """
    if config.data is None:
        return None
    dataset = DoorDataset.open(config.data)
    if config.online and dataset.image_size != config.stream.image_size:
        raise ConfigError(
            f"--image-size {dataset.image_size}, as in {dataset.path}",
            f"{config.stream.image_size}",
            "change it, or leave --data out",
        )
    return dataset


def dataset_image_size(config: LearningConfig, dataset: DoorDataset | None) -> int:
    """Height and width of the frames of a run, pixels."""
    return config.stream.image_size if dataset is None else dataset.image_size


def check_min_frames(config: LearningConfig, least: int) -> None:
    """Raises ConfigError if the loss of the model needs more frames per door."""
    if config.frames < least:
        raise ConfigError(
            f"--frames of {least} or more for {config.model}, which compares parts of a door's "
            "frames",
            f"{config.frames}",
            "raise it",
        )


def check_doors(config: LearningConfig, dataset: DoorDataset, limit: int) -> None:
    """Raises ConfigError if the dataset has fewer doors or frames than requested.

    Call it before any file is removed or written, so that a typo cannot destroy an earlier run.
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


def with_preset(config: C, preset: str, **changes: Any) -> C:
    """A preset derived from another config."""
    return dataclasses.replace(config, preset=preset, **changes)
