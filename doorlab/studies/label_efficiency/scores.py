"""Scores of a trained reward model on test doors, stored in its run folder for `doorlab study`.

RUN/scores.npz contains an array (D, N) per metric, with D test doors and N sizes of the context
set; the metric is the mean over doors. It also contains the indices of the doors (D,), the sizes of
the context set (N,), the variance of the rewards, and the checksum of the weights.
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
    """Writes the scores on the first `doors` test doors, unless they exist.

    Raises ResultError if another process writes into the run folder.
    """
    with output_folder(run):
        _score(run, dataset, doors, device)


def _score(run: Path, dataset: DoorDataset, doors: int, device: str) -> None:
    indices = dataset.indices("test")[:doors]
    weights = weights_checksum(run)
    if is_scored(run, indices, weights):
        return
    tensors = DoorData.load(dataset, "test", device, doors)
    model: Any = load_model(run).to(device).eval()
    found = predictions_on(model, tensors, CONTEXTS)
    predicted = found.values()
    by_metric = {
        "reward_mse": [p.squared_error.mean(axis=1) for p in predicted],
        "log_likelihood": [p.log_likelihood.mean(axis=1) for p in predicted],
        "calibration_error": [calibration_shares(p.mean, p.outcome) for p in predicted],
    }
    arrays = {name: np.stack(values, axis=1) for name, values in by_metric.items()}
    arrays["doors"], arrays["contexts"] = indices, np.array(list(found))
    arrays["variance"] = np.asarray(found[0].outcome.var())
    arrays["weights"] = np.asarray(weights)
    atomic_write_arrays(run / SCORES_FILE, arrays)


def is_scored(run: Path, doors: np.ndarray, weights: str) -> bool:
    """Whether the run folder has readable scores of these weights on these doors."""
    try:
        arrays = read_arrays(run / SCORES_FILE, _ARRAYS)
    except ResultError:
        return False
    same = np.array_equal(arrays["doors"], doors)
    return same and str(arrays["weights"]) == weights


def read(run: Path, name: str) -> np.ndarray:
    """An array of scores.npz of a run."""
    return read_arrays(run / SCORES_FILE, [name])[name]
