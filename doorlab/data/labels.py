"""The true answers to the probes' questions, from a dataset that knows its doors.

Legend: D doors, M frames per door.
"""

from __future__ import annotations

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import door_array
from doorlab.data.targets import JOINT_POSITION, TARGETS, target_values


def load_labels(dataset: DoorDataset, indices: np.ndarray) -> dict[str, np.ndarray]:
    """Target -> (D,) or (D, M), as in `target_values`, for the doors at `indices`.

    Raises DatasetError for footage, of whose doors nobody knows more than the frames.
    """
    sources = {source for target in TARGETS.values() for source in target.sources}
    stored = {s: s if s == JOINT_POSITION else door_array(s) for s in sorted(sources)}
    arrays = {source: dataset.read(name, indices) for source, name in stored.items()}
    return {name: target_values(name, arrays) for name in TARGETS}
