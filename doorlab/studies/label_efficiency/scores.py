"""What a trained reward model says of rewards on test doors, kept beside it for `doorlab study`.

RUN/scores.npz: for every metric (D, N), D test doors and N numbers of interactions seen; the metric
is the mean over the doors. Beside them doors (D,), contexts (N,), the variance of the rewards, and
the checksum of the weights that said it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.data.tensors.batches import DoorData
from doorlab.errors import ResultError
from doorlab.evaluation.calibration import calibration_shares
from doorlab.evaluation.reward_metrics import CONTEXTS, predictions_on
from doorlab.models.io import load_model, weights_checksum
from doorlab.run_layout import SCORES_FILE
from doorlab.storage.files import atomic_write_arrays, read_arrays
from doorlab.storage.folders import output_folder

METRICS = ("reward_mse", "log_likelihood", "calibration_error")
_ARRAYS = (*METRICS, "doors", "contexts", "variance", "weights")


def score(run: Path, dataset: DoorDataset, doors: int, device: str) -> None:
    """Writes the scores on the first so many test doors, unless they are there.

    Raises ResultError when another process writes into the run's folder.
    """
    with output_folder(run):
        _score(run, dataset, doors, device)


def _score(run: Path, dataset: DoorDataset, doors: int, device: str) -> None:
    indices = dataset.indices("test")[:doors]
    weights = weights_checksum(run)
    if scored(run, indices, weights):
        return
    tensors = DoorData.load(dataset, "test", device, doors)
    model: Any = load_model(run).to(device).eval()
    found = predictions_on(model, tensors, CONTEXTS)
    said = found.values()
    by_metric = {
        "reward_mse": [s.squared_error.mean(axis=1) for s in said],
        "log_likelihood": [s.log_likelihood.mean(axis=1) for s in said],
        "calibration_error": [calibration_shares(s.mean, s.outcome) for s in said],
    }
    arrays = {name: np.stack(values, axis=1) for name, values in by_metric.items()}
    arrays["doors"], arrays["contexts"] = indices, np.array(list(found))
    arrays["variance"] = np.asarray(found[0].outcome.var())
    arrays["weights"] = np.asarray(weights)
    atomic_write_arrays(run / SCORES_FILE, arrays)


def scored(run: Path, doors: np.ndarray, weights: str) -> bool:
    """Whether there are scores of these weights on these doors that can be read."""
    try:
        arrays = read_arrays(run / SCORES_FILE, _ARRAYS)
    except ResultError:
        return False
    same = np.array_equal(arrays["doors"], doors)
    return same and str(arrays["weights"]) == weights


def read(run: Path, name: str) -> np.ndarray:
    """One of the arrays of a run that was scored."""
    return read_arrays(run / SCORES_FILE, [name])[name]
