"""Trained models at rest: opening runs, and what they say about the doors of a dataset.

Legend: D doors, M frames per door, E size of a door's embedding, Z of a frame's, C H W an image.
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
from doorlab.models.io import load_model
from doorlab.runtime.torch_state import thread_defaults

_DOORS_AT_ONCE = 64


@dataclass(frozen=True)
class TrainedModel:
    """A trained model that is only asked, on the device where it lies."""

    kind: str
    """How results call it."""
    network: Any
    device: str

    @staticmethod
    @thread_defaults()
    def open(run: Path, dataset: DoorDataset, device: str = "cpu") -> TrainedModel:
        """The model of a run folder. Raises CheckpointError when it can't be used on `dataset`."""
        about = read_description(run)
        if about.image_size != dataset.image_size:
            raise CheckpointError(
                f"a model for frames of {dataset.image_size} pixels, as in {dataset.path}",
                f"one for {about.image_size} pixels in {run}",
                "use a dataset and models of the same image size",
            )
        return TrainedModel(about.name, load_model(run).to(device).eval(), device)

    def embed(self, images: UInt8[np.ndarray, "D M H W 3"]) -> Float[np.ndarray, "D E"]:
        """One embedding per door; context-free models average over its frames."""
        return self._each(self.network.embed, images)

    def embed_frames(self, images: UInt8[np.ndarray, "D M H W 3"]) -> Float[np.ndarray, "D M Z"]:
        """One embedding per frame, of what differs between the frames of a door."""
        return self._each(self.network.embed_frames, images)

    def reconstruct(self, images: UInt8[np.ndarray, "D M H W 3"]) -> Float[np.ndarray, "D M H W 3"]:
        """What is left of frames after the latents, in [0, 1]."""
        return np.moveaxis(self._each(self.network.reconstruct, images), 2, -1)

    @thread_defaults()
    def tensors(self, *arrays: np.ndarray) -> tuple[Tensor, ...]:
        """Arrays as the network takes them, on its device, numbers in float32."""
        return tuple(
            torch.from_numpy(np.ascontiguousarray(a)).float().to(self.device) for a in arrays
        )

    @thread_defaults()
    @torch.no_grad()
    def _each(
        self, ask: Callable[[Tensor], Tensor], images: UInt8[np.ndarray, "D M H W 3"]
    ) -> np.ndarray:
        return np.concatenate([ask(x).cpu().numpy() for x in self._batches(images)])

    def _batches(self, images: np.ndarray) -> Iterator[Float[Tensor, "B M C H W"]]:
        for first in range(0, len(images), _DOORS_AT_ONCE):
            yield to_frames(images[first : first + _DOORS_AT_ONCE], self.device)


def to_frames(
    images: UInt8[np.ndarray, "D M H W 3"], device: str = "cpu"
) -> Float[Tensor, "D M 3 H W"]:
    """Stored pictures as models take them."""
    return torch.from_numpy(images).to(device).movedim(-1, 2).float() / 255.0


def to_uint8(images: np.ndarray | Tensor) -> np.ndarray:
    """uint8 (..., H, W, 3) from arrays (..., H, W, 3) or tensors (..., 3, H, W) in [0, 1]."""
    values = images.movedim(-3, -1).cpu().numpy() if isinstance(images, Tensor) else images
    return (np.clip(values, 0.0, 1.0) * 255.0).round().astype(np.uint8)


def by_kind(runs: tuple[Path, ...]) -> dict[str, Path]:
    """Runs by the names of their models. Raises ConfigError when two are of one kind."""
    found: dict[str, Path] = {}
    for run in runs:
        kind = read_description(run).name
        if kind in found:
            raise ConfigError(
                "one run of every kind of model", f"two of {kind}: {found[kind]} and {run}",
                "give them one at a time, into two folders",
            )  # fmt: skip
        found[kind] = run
    return found
