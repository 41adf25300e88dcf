"""What pretraining shows to models: frames of doors, and to a model that is told it, the truth.

Legend: D doors, B doors in a batch, M frames, C H W a picture.
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
    gather_frames,
    sample_door_indices,
    sample_frame_indices,
)
from doorlab.evaluation.probes import TARGETS, mirrored

_DOORS_AT_ONCE = 32


@dataclass(frozen=True)
class LabelNormalizer:
    """In which numbers are told, so that a metre and a radian weigh the same: target -> unit."""

    centre: dict[str, float] = field(default_factory=dict)
    scale: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def of(answers: dict[str, np.ndarray]) -> LabelNormalizer:
        """Means and standard deviations; what a mirror negates stays about zero."""
        units = LabelNormalizer()
        for name, target in TARGETS.items():
            if target.kind == "continuous":
                negated = target.mirror == "negated"
                units.centre[name] = 0.0 if negated else float(np.nanmean(answers[name]))
                units.scale[name] = float(np.nanstd(answers[name])) or 1.0
        return units


@dataclass(frozen=True)
class PretrainingSet:
    """Doors to learn from, or to be examined on."""

    doors: DoorData
    answers: dict[str, Tensor] = field(default_factory=dict)
    """Target -> (D,) or (D, M) in `LabelNormalizer`; empty for models that only look."""

    def __len__(self) -> int:
        """D."""
        return len(self.doors)

    def batch(
        self, frames: int, mirror: bool, step: int, generator: torch.Generator, batch: int
    ) -> tuple[Any, ...]:
        """The arguments of a model's loss: random frames of random doors, and their answers."""
        rows = sample_door_indices(self.doors, batch, generator)
        picks = sample_frame_indices(self.doors, batch, frames, generator)
        shown, told = gather_frames(self.doors, rows, picks), self._answers_at(rows, picks)
        if mirror:
            chosen = (torch.rand(batch, generator=generator) < 0.5).to(shown.device)
            shown = mirror_frames(shown, chosen)
            told = {name: _mirror(name, values, chosen) for name, values in told.items()}
        return (shown, told) if told else (shown,)

    def iter_batches(self) -> Iterator[tuple[Any, ...]]:
        """All doors with all their frames, some at a time, as the arguments of a model's loss."""
        for rows in torch.arange(len(self)).to(self.doors.images.device).split(_DOORS_AT_ONCE):
            shown = self.doors.images[rows].float() / 255.0
            told = {name: values[rows] for name, values in self.answers.items()}
            yield (shown, told) if told else (shown,)

    def iter_frames(self, mirror: bool) -> Iterator[Float[Tensor, "B M C H W"]]:
        """All frames, some doors at a time; then those of a mirror, too."""
        for shown, *_ in self.iter_batches():
            yield shown
            if mirror:
                yield shown.flip(-1)

    def _answers_at(self, rows: Tensor, picks: Tensor) -> dict[str, Tensor]:
        device = self.doors.images.device
        rows, picks = rows.to(device), picks.to(device)
        return {
            name: values[rows[:, None], picks] if values.ndim > 1 else values[rows]
            for name, values in self.answers.items()
        }


def tell(lesson: PretrainingSet, dataset: DoorDataset, units: LabelNormalizer) -> PretrainingSet:
    """The same lesson with the true answers. Raises DatasetError when nobody knows them."""
    answers = load_labels(dataset, lesson.doors.indices.numpy())
    told = {}
    for name, values in answers.items():
        plain = (values - units.centre.get(name, 0.0)) / units.scale.get(name, 1.0)
        told[name] = torch.from_numpy(plain).float().to(lesson.doors.images.device)
    return PretrainingSet(lesson.doors, told)


def fit_label_normalizer(lesson: PretrainingSet, dataset: DoorDataset) -> LabelNormalizer:
    """The units of the training doors, for all lessons."""
    return LabelNormalizer.of(load_labels(dataset, lesson.doors.indices.numpy()))


def _mirror(name: str, values: Tensor, chosen: Bool[Tensor, " B"]) -> Tensor:
    sets = chosen.view(-1, *[1] * (values.ndim - 1))
    return torch.where(sets, mirrored(TARGETS[name], values), values)
