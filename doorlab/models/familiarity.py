"""Whether a door looks like those that a model learned from.

A model has an embedding for any pictures, also for those of doors whose look it has never seen;
what it predicts of these is worth little, and nothing in the prediction says so. Here the distance
of an embedding is Mahalanobis' from the doors of training, and a threshold is the distance that a
stated share of validation doors exceeds (split conformal: of n + 1 doors that are alike, each is
equally likely to be the farthest). Embeddings of few frames lie farther out, so that there is a
threshold for every number of frames.

RUN/familiarity.safetensors     centre, scale and thresholds, and whose weights they belong to

Legend: D doors, V validation doors, M frames per door, E embedding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from doorlab.errors import CheckpointError
from doorlab.storage.state_file import load_state, save_state

FAMILIARITY_FILE = "familiarity.safetensors"
FALSE_ALARMS = 0.02  # share of doors like those of training that are taken for others

_KIND, _VERSION = "familiarity", 1
_REMEDY = "train the model again, or remove the file to go without warnings of strange doors"
_FLOOR = 1e-5  # of the variance along an axis, as a share of all variance


@dataclass(frozen=True)
class Familiarity:
    """Where a model's embeddings of doors like those that it learned from lie.

    Attributes:
        doors: what these doors are, in words.
        center: float64 (E,), the mean embedding.
        scale: float64 (E, E), after which the embeddings have the same variance in all directions.
        thresholds: float64 (M,): of doors that were seen in 1, 2, ... M frames, all but
            `FALSE_ALARMS` are nearer.
    """

    doors: str
    center: Float[np.ndarray, " E"]
    scale: Float[np.ndarray, "E E"]
    thresholds: Float[np.ndarray, " M"]

    def distance(self, embedding: Float[np.ndarray, "D E"]) -> Float[np.ndarray, " D"]:
        """In standard deviations, of all directions together."""
        return np.linalg.norm((embedding.astype(np.float64) - self.center) @ self.scale, axis=1)

    def threshold(self, frames: int) -> float:
        """For doors that were seen in so many frames; more than were measured count as these."""
        return float(self.thresholds[min(frames, len(self.thresholds)) - 1])


def fit_familiarity(
    doors: str,
    typical: Float[np.ndarray, "D E"],
    held_out: Sequence[Float[np.ndarray, "V E"]],
) -> Familiarity:
    """What is typical, from the embeddings of doors.

    Args:
        doors: what they are, in words.
        typical: of doors that the model may have learned from, by all their frames.
        held_out: of doors like them that it has not: by 1, 2, ... M frames.
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
    """Writes it into a run's folder, with the checksum of the weights that it belongs to."""
    state = {**vars(familiarity), "weights": weights}
    save_state(Path(folder) / FAMILIARITY_FILE, _KIND, _VERSION, state)


def load_familiarity(folder: str | Path, weights: str) -> Familiarity | None:
    """The one in a run's folder; None where there is none.

    Raises CheckpointError when it is damaged, or belongs to other weights.
    """
    path = Path(folder) / FAMILIARITY_FILE
    if not path.exists():
        return None
    state = load_state(path, _KIND, _VERSION, _REMEDY)
    if state.pop("weights", None) != weights:
        raise CheckpointError(f"{path} of the weights beside it", "that of others", _REMEDY)
    try:
        return Familiarity(**state)
    except TypeError:
        raise CheckpointError(f"a whole {_KIND} in {path}", "another one", _REMEDY) from None


def _exceeded_by(share: float, distances: np.ndarray) -> float:
    """What another door's distance exceeds with this probability; the largest, where few exist."""
    rank = math.ceil((len(distances) + 1) * (1.0 - share))
    return float(np.sort(distances)[min(rank, len(distances)) - 1])
