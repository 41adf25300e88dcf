"""Episodes of a dataset: the frames of doors, or films of interactions.

A door's frames have no order in time. They become an episode of one frame per second. A film shows
one interaction, simulated again with the door and the action of the dataset.

Legend: M frames per door, K frames of an episode, S pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.data.lerobot.layout import Feature
from doorlab.data.schema import SPLITS, ArraySpec
from doorlab.doors.door import CATEGORIES, FIELDS
from doorlab.storage.text_paths import as_text

_BATCH = 64  # doors read at once


@dataclass(frozen=True)
class Episode:
    """One episode.

    Attributes:
        images: uint8 (K, S, S, 3), RGB.
        values: feature -> array (K, n), n numbers per frame.
        columns: columns of the episode in meta/episodes: the door and its parameters.
    """

    images: np.ndarray
    values: dict[str, np.ndarray]
    columns: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class EpisodeSource(Protocol):
    """Episodes of the same features.

    Attributes:
        task: the task in words.
        fps: frames per second.
        robot: name of the robot; None without a robot.
        features: features of every frame, except the camera and `layout.INDICES`.
        about: sentence for the card on what an episode is.
        per_door: number of episodes of every door.
        columns: name, type and meaning of the columns of an episode besides those of its door.
    """

    task: str
    fps: int
    robot: str | None
    features: dict[str, Feature]
    about: str
    per_door: int
    columns: tuple[tuple[str, str, str], ...]

    def episodes(self, doors: np.ndarray) -> Iterator[Episode]:
        """The episodes of the doors with the indices `doors`, in their order."""
        ...


class FrameEpisodes:
    """The passive frames of a door as an episode; see `EpisodeSource`."""

    task, fps, per_door = "observe the door", 1, 1
    robot: str | None = None
    about = "the passive frames of one door, in no order in time; one frame counts as one second"
    columns: tuple[tuple[str, str, str], ...] = ()

    def __init__(self, dataset: DoorDataset) -> None:
        self._dataset = dataset
        known = {name: spec for name, spec in _FRAME_ARRAYS.items() if name in _arrays(dataset)}
        self._names = {array: feature for array, (feature, _) in known.items()}
        self.features = dict(known.values())

    def episodes(self, doors: np.ndarray) -> Iterator[Episode]:
        """The episodes of the doors with the indices `doors`, in their order."""
        for first in range(0, len(doors), _BATCH):
            chosen = doors[first : first + _BATCH]
            images = self._dataset.read("images", chosen)
            values = {
                feature: self._dataset.read(array, chosen).reshape(*images.shape[:2], -1)
                for array, feature in self._names.items()
            }
            for row, columns in enumerate(door_columns(self._dataset, chosen)):
                of_door = {feature: array[row] for feature, array in values.items()}
                yield Episode(images[row], of_door, columns)


def door_columns(dataset: DoorDataset, doors: np.ndarray) -> list[dict[str, Any]]:
    """Columns of the doors with the indices `doors`: index, split, name, and all parameters.

    Categories are strings, as in the Parquet export.
    """
    splits = dataset.read("split", doors).tolist()
    names = dataset.config.names
    columns = {name: dataset.read(name, doors).tolist() for name in door_specs(dataset)}
    rows = []
    for row, door in enumerate(doors.tolist()):
        about: dict[str, Any] = {"door/index": door, "door/split": SPLITS[splits[row]]}
        if names:
            about["door/name"] = as_text(names[door])
        for name, values in columns.items():
            column = name if name.startswith("door/") else f"door/{name}"
            about[column] = _by_name(name, values[row])
        rows.append(about)
    return rows


def door_specs(dataset: DoorDataset) -> dict[str, ArraySpec]:
    """The arrays with one value per door, except the split."""
    wanted = {"optimal_reward", *(f"door/{name.replace('.', '/')}" for name in FIELDS)}
    return {name: spec for name, spec in _arrays(dataset).items() if name in wanted}


def _by_name(array: str, value: Any) -> Any:
    """The name of a category; other values unchanged."""
    names = CATEGORIES.get(array.removeprefix("door/").replace("/", "."))
    return names[value] if names else value


def _arrays(dataset: DoorDataset) -> dict[str, ArraySpec]:
    return dataset.config.arrays()


_VIEW = ("eye_x", "eye_y", "eye_z", "target_x", "target_y", "target_z", "field_of_view")
# Array -> its feature in LeRobot.
_FRAME_ARRAYS: dict[str, tuple[str, Feature]] = {
    "joint_position": (
        "observation.state",
        Feature("float32", ("joint_position",), "opening of the door, rad; m if it slides"),
    ),
    "view": (
        "observation.view",
        Feature("float64", _VIEW, "camera pose, m in the world frame; vertical field of view, rad"),
    ),
}
