"""Training and validation sets of pretraining: frames of doors, and labels for supervised models.

Legend: D doors, B doors in a batch, M frames, C H W an image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from doorlab.data.dataset import DoorDataset
from doorlab.data.labels import load_labels
from doorlab.data.tensors.augmentation import mirror_frames
from doorlab.data.tensors.batches import (
    DoorData,
    sample_door_indices,
    sample_frame_indices,
)
from doorlab.data.tensors.images import gather_images
from doorlab.evaluation.probes import TARGETS, mirrored
from doorlab.nn.images import to_float

_DOORS_AT_ONCE = 32


@dataclass(frozen=True)
class LabelNormalizer:
    """Standardization of continuous labels, so that meters and radians have the same weight."""

    mean: dict[str, float] = field(default_factory=dict)
    std: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def fit(labels: dict[str, np.ndarray]) -> LabelNormalizer:
        """Fits means and standard deviations. Labels that a mirror negates are not centered."""
        normalizer = LabelNormalizer()
        for name, target in TARGETS.items():
            if target.kind == "continuous":
                negated = target.mirror == "negated"
                normalizer.mean[name] = 0.0 if negated else float(np.nanmean(labels[name]))
                normalizer.std[name] = float(np.nanstd(labels[name])) or 1.0
        return normalizer


@dataclass(frozen=True)
class PretrainingSet:
    """Doors to train or validate on."""

    doors: DoorData
    labels: dict[str, Tensor] = field(default_factory=dict)
    """Target -> standardized labels (D,) or (D, M); empty for models without supervision."""

    def __len__(self) -> int:
        """D, the number of doors."""
        return len(self.doors)

    def batch(
        self, frames: int, mirror: bool, step: int, generator: torch.Generator, batch: int
    ) -> tuple[Any, ...]:
        """Random frames of random doors, as stored, and their labels, if there are some.

        They are the arguments of a model's loss, after `to_float` of the frames. Frames are a
        quarter of the size until then, while several batches are read ahead.
        """
        rows = sample_door_indices(self.doors, batch, generator)
        picks = sample_frame_indices(self.doors, batch, frames, generator)
        frames_BMCHW = gather_images(self.doors.images, rows, picks)
        labels = self._labels_at(rows, picks)
        if mirror:
            chosen = (torch.rand(batch, generator=generator) < 0.5).to(frames_BMCHW.device)
            frames_BMCHW = mirror_frames(frames_BMCHW, chosen)
            labels = {name: _mirror(name, values, chosen) for name, values in labels.items()}
        return (frames_BMCHW, labels) if labels else (frames_BMCHW,)

    def iter_batches(self) -> Iterator[tuple[Any, ...]]:
        """Yields all doors with all their frames in batches, as arguments of a model's loss."""
        for first in range(0, len(self), _DOORS_AT_ONCE):
            rows = slice(first, first + _DOORS_AT_ONCE)
            frames_BMCHW = to_float(self.doors.images[rows])
            labels = {name: values[rows] for name, values in self.labels.items()}
            yield (frames_BMCHW, labels) if labels else (frames_BMCHW,)

    def iter_frames(self, mirror: bool) -> Iterator[Float[Tensor, "B M C H W"]]:
        """Yields the frames of all doors in batches, each followed by its mirror images."""
        for frames_BMCHW, *_ in self.iter_batches():
            yield frames_BMCHW
            if mirror:
                yield frames_BMCHW.flip(-1)

    def _labels_at(self, rows: Tensor, picks: Tensor) -> dict[str, Tensor]:
        device = self.doors.images.device
        rows, picks = rows.to(device), picks.to(device)
        return {
            name: values[rows[:, None], picks] if values.ndim > 1 else values[rows]
            for name, values in self.labels.items()
        }


def with_labels(
    frames_only: PretrainingSet, dataset: DoorDataset, normalizer: LabelNormalizer
) -> PretrainingSet:
    """A copy with standardized labels. Raises DatasetError if the dataset has no labels."""
    doors, standardized = frames_only.doors, {}
    for name, values in load_labels(dataset, doors.indices.numpy()).items():
        plain = (values - normalizer.mean.get(name, 0.0)) / normalizer.std.get(name, 1.0)
        standardized[name] = torch.from_numpy(plain).float().to(doors.images.device)
    return PretrainingSet(doors, standardized)


def fit_label_normalizer(train_set: PretrainingSet, dataset: DoorDataset) -> LabelNormalizer:
    """The normalizer of the labels of the training doors."""
    return LabelNormalizer.fit(load_labels(dataset, train_set.doors.indices.numpy()))


def _mirror(name: str, values: Tensor, chosen: Bool[Tensor, " B"]) -> Tensor:
    sets = chosen.view(-1, *[1] * (values.ndim - 1))
    return torch.where(sets, mirrored(TARGETS[name], values), values)
