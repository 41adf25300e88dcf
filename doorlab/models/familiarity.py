"""Detection of doors that are unlike the training doors of a model.

A model embeds any images, including images of doors whose appearance does not occur in its training
data. Predictions for such doors are unreliable, and the predicted uncertainty does not show this.
The detector computes the Mahalanobis distance of an embedding from the embeddings of the training
doors. The threshold is the distance that a given share of validation doors exceeds (split conformal
prediction: among n + 1 exchangeable doors, each is equally likely to be the farthest). Embeddings
of few frames have larger distances, so that there is one threshold per number of frames.

RUN/familiarity.safetensors     center, scale, thresholds, and the checksum of the model's weights

Legend: D doors, V validation doors, M frames per door, E embedding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from doorlab.models.fitted_files import FittedFile, load_fitted, save_fitted
from doorlab.run_layout import FAMILIARITY_FILE

FALSE_ALARMS = 0.02  # share of doors like the training doors that are reported as unfamiliar

_KIND, _VERSION = "familiarity", 1
_REMEDY = "train the model again, or remove the file to disable warnings of unfamiliar doors"
_FLOOR = 1e-5  # least variance along an axis, as a share of the total variance


@dataclass(frozen=True)
class Familiarity:
    """Distribution of a model's embeddings of doors like its training doors.

    Attributes:
        doors: description of these doors, for warnings.
        center: float64 (E,), the mean embedding.
        scale: float64 (E, E), whitening matrix: scaled embeddings have equal variance in all
            directions.
        thresholds: float64 (M,), distances that a share of `FALSE_ALARMS` of doors exceeds, for
            embeddings of 1, 2, ... M frames.
    """

    doors: str
    center: Float[np.ndarray, " E"]
    scale: Float[np.ndarray, "E E"]
    thresholds: Float[np.ndarray, " M"]

    def distance(self, embedding: Float[np.ndarray, "D E"]) -> Float[np.ndarray, " D"]:
        """Mahalanobis distance of embeddings from the center, in standard deviations."""
        return np.linalg.norm((embedding.astype(np.float64) - self.center) @ self.scale, axis=1)

    def threshold(self, frames: int) -> float:
        """Threshold for embeddings of a number of frames; above M, the threshold of M frames."""
        return float(self.thresholds[min(frames, len(self.thresholds)) - 1])


def fit_familiarity(
    doors: str,
    typical: Float[np.ndarray, "D E"],
    held_out: Sequence[Float[np.ndarray, "V E"]],
) -> Familiarity:
    """Fits the distribution and the thresholds to embeddings of doors.

    Args:
        doors: description of the doors, for warnings.
        typical: embeddings of training doors, from all their frames.
        held_out: embeddings of validation doors, from 1, 2, ... M frames.
    """
    values = typical.astype(np.float64)
    center = values.mean(axis=0)
    variance, axes = np.linalg.eigh((values - center).T @ (values - center) / len(values))
    variance = variance.clip(min=0.0)
    scale = axes / np.sqrt((variance + _FLOOR * variance.sum()).clip(min=1e-12))
    bare = Familiarity(doors, center, scale, np.zeros(0))
    thresholds = [_exceeded_by(FALSE_ALARMS, bare.distance(part)) for part in held_out]
    return Familiarity(doors, center, scale, np.array(thresholds))


def save_familiarity(folder: str | Path, familiarity: Familiarity, weights: str) -> None:
    """Writes the file into a run folder, with the checksum of the model's weights."""
    save_fitted(_file(folder), familiarity, weights)


def load_familiarity(folder: str | Path, weights: str) -> Familiarity | None:
    """Reads the file of a run folder; returns None if there is none.

    Args:
        folder: run folder.
        weights: checksum of the model's weights.

    Raises CheckpointError if the file is damaged or belongs to other weights.
    """
    return load_fitted(_file(folder), Familiarity, weights, _REMEDY)


def _file(folder: str | Path) -> FittedFile:
    return FittedFile(Path(folder) / FAMILIARITY_FILE, _KIND, _VERSION, "weights")


def _exceeded_by(share: float, distances: np.ndarray) -> float:
    """The distance that another door exceeds with probability `share`, at most the largest."""
    rank = math.ceil((len(distances) + 1) * (1.0 - share))
    return float(np.sort(distances)[min(rank, len(distances)) - 1])
