"""True probe labels of the doors of a simulated dataset.

Legend: D doors, M frames per door.
"""

from __future__ import annotations

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import door_array
from doorlab.data.targets import JOINT_POSITION, TARGETS, target_values


def load_labels(dataset: DoorDataset, indices: np.ndarray) -> dict[str, np.ndarray]:
    """Maps each target to its labels (D,) or (D, M), as in `target_values`, for doors `indices`.

    Raises DatasetError for imported footage, which has no labels.
    """
    sources = {source for target in TARGETS.values() for source in target.sources}
    stored = {s: s if s == JOINT_POSITION else door_array(s) for s in sorted(sources)}
    arrays = {source: dataset.read(name, indices) for source, name in stored.items()}
    return {name: target_values(name, arrays) for name in TARGETS}
