"""Trained models for inference: loads the model of a run, and applies it to images of a dataset.

Legend: D doors, M frames per door, E embedding of a door, Z embedding of a frame, C H W an image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from doorlab.data.dataset import DoorDataset
from doorlab.errors import CheckpointError, ConfigError
from doorlab.models.description import read_description
from doorlab.models.hub.locate import find_models
from doorlab.models.io import load_model
from doorlab.nn.images import to_float
from doorlab.runtime.torch_state import thread_defaults

_DOORS_AT_ONCE = 64


@dataclass(frozen=True)
class TrainedModel:
    """A trained model for inference."""

    kind: str
    """Name of the model in results."""
    network: Any
    """The model, in evaluation mode."""
    device: str
    """Device of the model."""

    @staticmethod
    @thread_defaults()
    def open(run: Path, dataset: DoorDataset, device: str = "cpu") -> TrainedModel:
        """Loads the model of a run folder.

        Raises CheckpointError if the model can't be read, or if its image size is not that of the
        dataset.
        """
        about = read_description(run)
        if about.image_size != dataset.image_size:
            raise CheckpointError(
                f"a model for frames of {dataset.image_size} pixels, as in {dataset.path}",
                f"one for {about.image_size} pixels in {run}",
                "use a dataset and models of the same image size",
            )
        return TrainedModel(about.name, load_model(run).to(device).eval(), device)

    def embed(self, images: UInt8[np.ndarray, "D M H W 3"]) -> Float[np.ndarray, "D E"]:
        """One embedding per door; a context-free model averages the embeddings of the frames."""
        return self._each(self.network.embed, images)

    def embed_frames(self, images: UInt8[np.ndarray, "D M H W 3"]) -> Float[np.ndarray, "D M Z"]:
        """One embedding per frame: the state of the door, which differs between its frames."""
        return self._each(self.network.embed_frames, images)

    def reconstruct(self, images: UInt8[np.ndarray, "D M H W 3"]) -> Float[np.ndarray, "D M H W 3"]:
        """Frames reconstructed from their latents, in [0, 1]."""
        return np.moveaxis(self._each(self.network.reconstruct, images), 2, -1)

    @thread_defaults()
    def tensors(self, *arrays: np.ndarray) -> tuple[Tensor, ...]:
        """Converts arrays to float32 tensors on the device of the model."""
        return tuple(
            torch.from_numpy(np.ascontiguousarray(a)).float().to(self.device) for a in arrays
        )

    def reconstruction_errors(self, images: UInt8[np.ndarray, "D M H W 3"]) -> np.ndarray:
        """Mean squared error (D,) of the reconstructed frames of each door, pixels in [0, 1]."""
        return squared_errors(self.reconstruct(images), images)

    @thread_defaults()
    @torch.no_grad()
    def _each(
        self, function: Callable[[Tensor], Tensor], images: UInt8[np.ndarray, "D M H W 3"]
    ) -> np.ndarray:
        return np.concatenate([function(x).cpu().numpy() for x in self._batches(images)])

    def _batches(self, images: np.ndarray) -> Iterator[Float[Tensor, "B M C H W"]]:
        for first in range(0, len(images), _DOORS_AT_ONCE):
            yield to_frames(images[first : first + _DOORS_AT_ONCE], self.device)


def to_frames(
    images: UInt8[np.ndarray, "D M H W 3"], device: str = "cpu"
) -> Float[Tensor, "D M 3 H W"]:
    """Converts stored images to the input of models: floats in [0, 1], channels first."""
    return to_float(torch.from_numpy(images).to(device).movedim(-1, 2))


def squared_errors(rebuilt: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Mean squared error (D,) per door of images (D, M, H, W, 3) in [0, 1] against uint8 ones."""
    return ((rebuilt - images.astype(np.float32) / 255.0) ** 2).mean(axis=(1, 2, 3, 4))


def to_uint8(images: np.ndarray | Tensor) -> np.ndarray:
    """Converts images in [0, 1] to uint8 (..., H, W, 3).

    Args:
        images: arrays (..., H, W, 3) or tensors (..., 3, H, W).
    """
    values = images.movedim(-3, -1).cpu().numpy() if isinstance(images, Tensor) else images
    return (np.clip(values, 0.0, 1.0) * 255.0).round().astype(np.uint8)


def by_kind(runs: tuple[Path, ...]) -> dict[str, Path]:
    """Name of the model -> folder of the model.

    Args:
        runs: run folders, exported folders, and names of shipped weights, which stand for their
            encoder.

    Raises:
        CheckpointError: if a model is missing or its description damaged.
        ConfigError: if two models have the same name.
    """
    runs_by_kind: dict[str, Path] = {}
    for run in find_models(runs, "encoder"):
        kind = read_description(run).name
        if kind in runs_by_kind:
            raise ConfigError(
                "one run of every kind of model", f"two of {kind}: {runs_by_kind[kind]} and {run}",
                "evaluate the runs separately, with different --out",
            )  # fmt: skip
        runs_by_kind[kind] = run
    return runs_by_kind
