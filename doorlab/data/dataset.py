"""Reads a dataset: arrays across shards, doors as objects, and whether it is intact.

    DIR/dataset.json              settings, splits, and the checksum of every part
    DIR/shards/shard-00000/       images, joint_position, view, actions, rewards, optimal_reward,
                                  split and door/<field>, as Zarr v3 arrays (`doorlab.data.schema`);
                                  of doors that were imported, images and split alone
    DIR/videos/door-00000.mp4     films of the first doors

Legend: D doors, M frames, J interactions, H, W pixels.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.data.config import DatasetConfig
from doorlab.data.manifest import Manifest
from doorlab.data.parts import part_checksum
from doorlab.data.schema import ARRAYS, OPTIONAL, SPLITS, door_array
from doorlab.data.shard_reader import Reader, make_reader
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.data.validation import check_joint_positions, check_split, check_values, check_views
from doorlab.doors import Door, door_from_arrays
from doorlab.doors.door import FIELDS
from doorlab.errors import DatasetError, unknown_name


class DoorDataset:
    """A complete dataset on disk. Use `DoorDataset.open`.

    Attributes:
        path: its folder.
        manifest: the content of dataset.json.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        self._folder = path.resolve()  # the working folder may change
        self._readers: dict[int, Reader] = {}  # by process: one that was forked needs its own

    def __len__(self) -> int:
        """D."""
        return self.num_doors

    def __getitem__(self, door: int) -> dict[str, np.ndarray]:
        """All arrays of one door, by name. See `torch_dataset` for a DataLoader.

        Raises IndexError for a door that there is not.
        """
        doors = np.array([range(self.num_doors)[door]])
        return {name: self.read(name, doors)[0] for name in self.config.arrays()}

    def __repr__(self) -> str:
        """What it is, where, and how large."""
        return f"{type(self).__name__}({str(self.path)!r}, {self.num_doors} doors)"

    def __getstate__(self) -> dict[str, Any]:
        """For pickling: open files stay behind."""
        return {**vars(self), "_readers": {}}

    @staticmethod
    def open(path: str | Path) -> DoorDataset:
        """The dataset in the folder `path`.

        Raises DatasetError when it is missing, incomplete, or of another format version.
        """
        path = Path(path)
        manifest = Manifest.read(path)
        if not manifest.complete:
            raise DatasetError(
                f"a complete dataset in {path}",
                f"one with {len(manifest.missing)} of {len(manifest.expected)} parts missing",
                f"run `{manifest.config.command(path)}`",
            )
        return DoorDataset(path, manifest)

    @property
    def config(self) -> DatasetConfig:
        """What was generated, or imported."""
        return self.manifest.config

    @property
    def generation(self) -> GenerationConfig:
        """What was generated. Raises DatasetError for doors that nobody simulated."""
        if not isinstance(self.config, GenerationConfig):
            raise self._lacks("doors that can be simulated")
        return self.config

    @property
    def simulator(self) -> str | None:
        """That made the doors; None for doors that nobody simulated."""
        return self.config.simulator if isinstance(self.config, GenerationConfig) else None

    @property
    def checksum(self) -> str:
        """Identifies the dataset's settings and content."""
        return self.manifest.checksum

    @property
    def num_doors(self) -> int:
        """D."""
        return self.config.doors

    @property
    def image_size(self) -> int:
        """H and W."""
        return self.config.image_size

    @property
    def frames(self) -> int:
        """M, passive frames per door."""
        return self.config.frames

    @property
    def interactions(self) -> int:
        """J, interactions per door."""
        return self.config.interactions

    @property
    def videos(self) -> list[Path]:
        """The MP4 files, in the order of their doors."""
        return [self.path / "videos" / name for name in self.config.video_names()]

    def indices(self, split: str) -> np.ndarray:
        """int64, ascending: the doors of a split of `schema.SPLITS`."""
        if split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
        of_door = self.read("split")
        check_split(self.config, of_door, self.path)
        return np.flatnonzero(of_door == SPLITS.index(split))

    def read(self, name: str, indices: np.ndarray | None = None) -> np.ndarray:
        """The array `name` of `schema.ARRAYS` at the doors `indices` (all of them if None).

        Doors come in the order of `indices`, which may repeat. Shards are read in parallel.
        Raises ConfigError for an unknown name, DatasetError for an array that this dataset does
        not have, for doors out of range, for shards that are missing or damaged, and for values
        that the schema does not allow.
        """
        self.require(name)
        doors = self._checked(indices)
        values = self._reader().read(name, doors)
        check_values(name, values, doors, self.path)
        return values

    def require(self, name: str) -> None:
        """Raises, as `read` does, when the dataset has no array `name`."""
        if name not in ARRAYS:
            raise unknown_name("array", name, ARRAYS)
        if name not in self.config.arrays():
            raise self._lacks(name)

    def doors(self, indices: np.ndarray | None = None) -> list[Door]:
        """The doors at `indices` (all of them if None), exactly as they were simulated."""
        columns = {field: self.read(door_array(field), indices) for field in FIELDS}
        count = len(columns[FIELDS[0]])
        numbers = range(count) if indices is None else np.asarray(indices).tolist()
        return [door_from_arrays(columns, row, number) for row, number in enumerate(numbers)]

    def verify(self) -> list[str]:
        """The parts that are missing or differ from their checksums ("shards/shard-00002")."""
        with ThreadPoolExecutor() as threads:
            found = list(threads.map(partial(part_checksum, self.path), self.manifest.parts))
        known = self.manifest.parts.items()
        return sorted(p for (p, good), now in zip(known, found, strict=True) if now != good)

    def check_values(self) -> None:
        """Raises DatasetError for numbers that no simulator can have made.

        Reads everything but pictures. `read` checks one array at a time; here they are compared
        with one another, too.
        """
        check_split(self.config, self.read("split"), self.path)
        for first, last in self.config.shards().values():
            doors = np.arange(first, last)
            found = {
                name: self.read(name, doors)
                for name, spec in self.config.arrays().items()
                if spec.limits is not None
            }
            if "joint_position" in found:
                self.doors(doors)
                limits = found[door_array("opening_limit")]
                check_joint_positions(found["joint_position"], limits, doors, self.path)
                check_views(found["view"], doors, self.path)

    def _reader(self) -> Reader:
        process = os.getpid()
        if process not in self._readers:
            self._readers[process] = make_reader(self._folder, self.config, self.path)
        return self._readers[process]

    def _lacks(self, what: str) -> DatasetError:
        return DatasetError(
            f"a simulated dataset with {what}",
            f"{self.path}, {self.config.origin}",
            f"make one with `doorlab generate{f' --{what}' if what in OPTIONAL else ''}`",
        )

    def _checked(self, indices: np.ndarray | None) -> np.ndarray:
        if indices is None:
            return np.arange(self.num_doors)
        doors = np.asarray(indices, dtype=np.int64)
        if doors.ndim != 1 or np.any((doors < 0) | (doors >= self.num_doors)):
            raise DatasetError(
                f"a list of doors from 0 to {self.num_doors - 1}", f"{indices}", "correct the doors"
            )
        return doors
