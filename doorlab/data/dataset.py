"""Reads a dataset: arrays across shards, doors as objects, and integrity checks.

    DIR/dataset.json              settings, splits, and the checksum of every part
    DIR/shards/shard-00000/       images, joint_position, view, actions, rewards, optimal_reward,
                                  split and door/<field>, as Zarr v3 arrays (`doorlab.data.schema`);
                                  imported datasets have images and split only
    DIR/videos/door-00000.mp4     videos of the first doors

Legend: D doors, M frames, J interactions, H, W pixels.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.data.checksums import checksum, part_checksum
from doorlab.data.config import DatasetConfig
from doorlab.data.manifest import Manifest
from doorlab.data.object_store import REMEDY, read_object
from doorlab.data.schema import ARRAYS, OPTIONAL, SPLITS, door_array
from doorlab.data.shard_reader import Reader, make_reader
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.data.validation import check_joint_positions, check_split, check_values, check_views
from doorlab.doors import Door, door_from_arrays
from doorlab.doors.door import FIELDS
from doorlab.errors import DatasetError, unknown_name
from doorlab.storage.files import read_bytes
from doorlab.storage.store_urls import dataset_location, is_remote


class DoorDataset:
    """A complete dataset on disk. Use `DoorDataset.open`.

    Attributes:
        path: folder of the dataset, or its `StoreUrl`.
        manifest: content of dataset.json.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        # The working directory may change.
        self._folder = path if is_remote(path) else path.resolve()
        self._readers: dict[int, Reader] = {}  # by process id: a fork needs its own

    def __len__(self) -> int:
        """D, the number of doors."""
        return self.num_doors

    def __getitem__(self, door: int) -> dict[str, np.ndarray]:
        """All arrays of one door, by name. See `torch_dataset` for use with a DataLoader.

        Raises IndexError for a door index out of range.
        """
        doors = np.array([range(self.num_doors)[door]])
        return {name: self.read(name, doors)[0] for name in self.config.arrays()}

    def __repr__(self) -> str:
        """Class, path and number of doors."""
        return f"{type(self).__name__}({str(self.path)!r}, {self.num_doors} doors)"

    def __getstate__(self) -> dict[str, Any]:
        """State for pickling, without open files."""
        return {**vars(self), "_readers": {}}

    @staticmethod
    def open(path: str | Path) -> DoorDataset:
        """Opens the dataset in the folder `path`, or at a URL (`doorlab.data.object_store`).

        Raises DatasetError if it is missing, incomplete, or of another format version.
        """
        path = dataset_location(path)
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
        """The settings with which the dataset was generated or imported."""
        return self.manifest.config

    @property
    def generation(self) -> GenerationConfig:
        """The generation settings. Raises DatasetError if the doors were not simulated."""
        if not isinstance(self.config, GenerationConfig):
            raise self._lacks("doors that can be simulated")
        return self.config

    @property
    def simulator(self) -> str | None:
        """Name of the simulator that generated the dataset; None for imported footage."""
        return self.config.simulator if isinstance(self.config, GenerationConfig) else None

    @property
    def checksum(self) -> str:
        """Checksum that identifies the dataset's settings and content."""
        return self.manifest.checksum

    @property
    def num_doors(self) -> int:
        """D, the number of doors."""
        return self.config.doors

    @property
    def image_size(self) -> int:
        """H and W, pixels."""
        return self.config.image_size

    @property
    def frames(self) -> int:
        """M, the number of passive frames per door."""
        return self.config.frames

    @property
    def interactions(self) -> int:
        """J, the number of interactions per door."""
        return self.config.interactions

    @property
    def videos(self) -> list[Path]:
        """Paths of the MP4 files, in the order of their doors."""
        return [self.path / "videos" / name for name in self.config.video_names()]

    def indices(self, split: str) -> np.ndarray:
        """int64, ascending: indices of the doors in a split (a name of `schema.SPLITS`)."""
        if split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
        of_door = self.read("split")
        check_split(self.config, of_door, self.path)
        return np.flatnonzero(of_door == SPLITS.index(split))

    def read(self, name: str, indices: np.ndarray | None = None) -> np.ndarray:
        """Reads the array `name` of `schema.ARRAYS` for the doors `indices` (None: all doors).

        The first axis follows the order of `indices`, which may contain repeats. Shards are read in
        parallel. Raises ConfigError for an unknown name; DatasetError if the dataset lacks the
        array, for door indices out of range, for missing or damaged shards, and for values outside
        the limits of the schema.
        """
        self.require(name)
        doors = self._checked(indices)
        values = self._reader().read(name, doors)
        check_values(name, values, doors, self.path)
        return values

    def require(self, name: str) -> None:
        """Raises ConfigError for an unknown array, DatasetError if the dataset lacks the array."""
        if name not in ARRAYS:
            raise unknown_name("array", name, ARRAYS)
        if name not in self.config.arrays():
            raise self._lacks(name)

    def doors(self, indices: np.ndarray | None = None) -> list[Door]:
        """The doors at `indices` (None: all doors), exactly as they were simulated."""
        columns = {field: self.read(door_array(field), indices) for field in FIELDS}
        count = len(columns[FIELDS[0]])
        numbers = range(count) if indices is None else np.asarray(indices).tolist()
        return [door_from_arrays(columns, row, number) for row, number in enumerate(numbers)]

    def read_video(self, name: str) -> bytes:
        """Content of the MP4 file `name` ("door-00000.mp4"), from a folder or a URL.

        Raises DatasetError if it is missing, is a link, or has a wrong checksum.
        """
        part, file = f"videos/{name}", self._folder / "videos" / name
        if is_remote(self.path):
            content, fix = read_object(file), REMEDY
        else:
            plain = part_checksum(self._folder, part) is not None  # a file, without links to it
            content = read_bytes(file, DatasetError) if plain else None
            fix = f"repair it with `{self.config.command(self.path)}`"
        if content is None or checksum({name: content}) != self.manifest.parts[part]:
            raise DatasetError(
                f"{self.path / part} as it was written", "a changed or missing file", fix
            )
        return content

    def verify(self) -> list[str]:
        """Lists the parts that are missing or have a wrong checksum ("shards/shard-00002").

        Raises DatasetError for a dataset at a URL.
        """
        if is_remote(self.path):
            expected = "a dataset in a folder, whose files have checksums"
            raise DatasetError(expected, f"{self.path}", "copy it into a folder first")
        with ThreadPoolExecutor() as threads:
            checksums = list(threads.map(partial(part_checksum, self.path), self.manifest.parts))
        known = self.manifest.parts.items()
        return sorted(p for (p, good), now in zip(known, checksums, strict=True) if now != good)

    def check_values(self) -> None:
        """Raises DatasetError for values that no simulator can have produced.

        Reads all arrays except images. Unlike `read`, which checks one array at a time, this method
        also compares arrays with each other.
        """
        check_split(self.config, self.read("split"), self.path)
        for first, last in self.config.shards().values():
            doors = np.arange(first, last)
            arrays = {
                name: self.read(name, doors)
                for name, spec in self.config.arrays().items()
                if spec.limits is not None
            }
            if "joint_position" in arrays:
                self.doors(doors)
                limits = arrays[door_array("opening_limit")]
                check_joint_positions(arrays["joint_position"], limits, doors, self.path)
                check_views(arrays["view"], doors, self.path)

    def _reader(self) -> Reader:
        process = os.getpid()
        if process not in self._readers:
            self._readers[process] = make_reader(self._folder, self.config, self.path)
        return self._readers[process]

    def _lacks(self, what: str) -> DatasetError:
        return DatasetError(
            f"a simulated dataset with {what}",
            f"{self.path}, which was {self.config.origin}",
            f"generate one with `doorlab generate{f' --{what}' if what in OPTIONAL else ''}`",
        )

    def _checked(self, indices: np.ndarray | None) -> np.ndarray:
        if indices is None:
            return np.arange(self.num_doors)
        doors = np.asarray(indices, dtype=np.int64)
        if doors.ndim != 1 or np.any((doors < 0) | (doors >= self.num_doors)):
            raise DatasetError(
                f"a list of door indices from 0 to {self.num_doors - 1}",
                f"{indices}",
                "correct the indices",
            )
        return doors
