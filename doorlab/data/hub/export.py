"""Exports datasets to the layout that dataset hubs display, and restores them.

    OUT/README.md                           the dataset card (`doorlab.data.hub.card`)
    OUT/data/train-00000-of-00003.parquet   one row per door (`doorlab.data.hub.tables`)
    OUT/videos/door-00000.mp4               as in the dataset
    OUT/doorlab.json                        dataset.json, and a digest of every shard's values

An export cannot be resumed: it is written completely or not at all. It takes minutes, whereas
generating the dataset takes hours. Replacing an export keeps files that doorlab did not write
(.git, for example). A restored dataset has bit-identical values.
Requires pyarrow (extra `hub`).

Legend: D doors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.data.checksums import checksum
from doorlab.data.config import split_of_doors
from doorlab.data.dataset import DoorDataset
from doorlab.data.hub.card import CardInfo, dataset_card
from doorlab.data.hub.folders import export_folder
from doorlab.data.hub.tables import pa, read_doors, to_table, write_parquet
from doorlab.data.manifest import Manifest
from doorlab.data.schema import SPLITS
from doorlab.data.shards import write_shard
from doorlab.data.validation import check_values
from doorlab.data.writer import write_parts
from doorlab.errors import ConfigError, DatasetError
from doorlab.run_layout import EXPORT_FILE
from doorlab.storage.files import (
    atomic_write_bytes,
    atomic_write_json,
    atomic_write_text,
    read_json,
)
from doorlab.storage.folders import refuse_inside
from doorlab.storage.text_paths import shell_quoted
from doorlab.terminal.progress import progress_bar

_FILES = (
    rf"README\.md|{re.escape(EXPORT_FILE)}|videos(/door-\d+\.mp4)?"
    rf"|data(/({'|'.join(SPLITS)})-\d+-of-\d+\.parquet)?"
)  # these files, and their folders if empty
_ROWS = 64  # doors per row group, the unit that a viewer reads


def export_dataset(
    dataset: DoorDataset,
    out: str | Path,
    about: CardInfo,
    *,
    file_doors: int = 1000,
    overwrite: bool = False,
) -> None:
    """Writes `dataset` to the folder `out`.

    Args:
        dataset: dataset of any kind.
        out: a folder that does not exist or is empty; with `overwrite`, it may hold an earlier
            export.
        about: information for the card that the dataset does not contain.
        file_doors: maximum number of doors per Parquet file.
        overwrite: replace an earlier export.

    Raises:
        ConfigError: if `file_doors` is below 1, or `out` is inside the dataset.
        DatasetError: if the dataset cannot be read.
        ResultError: if `out` already holds files, cannot be written, or another process writes
            to it.
    """
    if file_doors < 1:
        raise ConfigError("file_doors of at least 1", f"{file_doors}", "correct --file-doors")
    out = Path(out)
    refuse_inside(out, dataset.path, "the dataset")
    with (
        export_folder(out, EXPORT_FILE, _is_exported, overwrite=overwrite) as folder,
        progress_bar("export", "doors", dataset.num_doors) as advance,
    ):
        _write(dataset, folder, about, file_doors, advance)


def restore_dataset(
    path: str | Path, source: str | Path, *, workers: int = 1, resume: bool = False
) -> Manifest:
    """Restores the dataset that was exported to `source`, in the folder `path`.

    Args:
        path: a folder that does not exist or is empty, unless `resume`.
        source: folder written by `export_dataset`; it may have been moved or downloaded.
        workers: number of worker processes; 0 for one per core.
        resume: keep the intact parts in `path` and write the others.

    Raises:
        ConfigError: if `path` holds another dataset.
        DatasetError: if the export is incomplete or damaged, and as `write_dataset`.
    """
    path, source = Path(path), Path(source)
    manifest, digests = _read_export(source)
    where = ["doorlab import", shell_quoted(str(source)), "--out", shell_quoted(str(path))]
    return write_parts(
        path,
        replace(manifest, parts={}),
        RestoringWriter(path, source, manifest, digests),
        "restored",
        workers=workers,
        launcher="local",
        resume=resume,
        command=" ".join([*where, "--resume"]),
    )


def exported_checksum(source: Path) -> str:
    """Checksum of the dataset exported to `source`. Raises DatasetError as `restore_dataset`."""
    return _read_export(source)[0].checksum


class RestoringWriter:
    """Restores parts of an exported dataset; every worker process has a copy."""

    def __init__(
        self, path: Path, source: Path, manifest: Manifest, digests: dict[str, str]
    ) -> None:
        self._path, self._source = path.absolute(), source.absolute()
        self._manifest, self._digests = manifest, digests

    def __call__(self, part: str) -> tuple[str, str]:
        """Writes a part (for example "shards/shard-00000"); returns its name and checksum."""
        kind, name = part.split("/")
        return part, (self._shard if kind == "shards" else self._video)(part, name)

    def close(self) -> None:
        """Does nothing: no resources are held."""

    def _shard(self, part: str, name: str) -> str:
        config = self._manifest.config
        first, last = config.shards()[name]
        files = sorted((self._source / "data").glob("*.parquet"))
        arrays = read_doors(config, files, first, last)
        if not np.array_equal(arrays.pop("door"), np.arange(first, last)):
            got = "other doors, or missing ones"
            raise _damaged(f"the doors from {first} to {last - 1} in {self._source}/data", got)
        for array, values in arrays.items():
            fix = "ask the author of the export, or generate a dataset"
            check_values(array, values, np.arange(first, last), self._source, fix)
        arrays["split"] = split_of_doors(config)[first:last]
        if _digest(arrays) != self._digests[name]:
            got = "changed values"
            raise _damaged(f"the doors from {first} to {last - 1} as they were exported", got)
        return write_shard(self._path / part, arrays, config.arrays())

    def _video(self, part: str, name: str) -> str:
        file = self._source / part
        content = file.read_bytes() if file.is_file() else b""  # hub caches contain symbolic links
        actual = checksum({name: content})
        if actual != self._manifest.parts[part]:
            raise _damaged(f"{file} as it was exported", "a changed or missing file")
        atomic_write_bytes(self._path / part, content)
        return actual


def _is_exported(file: str) -> bool:
    """Whether an export can contain a file of this name."""
    return re.fullmatch(_FILES, file) is not None


def _write(
    dataset: DoorDataset,
    folder: Path,
    about: CardInfo,
    file_doors: int,
    advance: Callable[[int], None],
) -> None:
    (folder / "data").mkdir()
    for split in SPLITS:
        _write_split(dataset, split, folder / "data", file_doors, advance)
    _copy_videos(dataset, folder / "videos")
    document = {"manifest": dataset.manifest.to_json(), "digests": _digests(dataset)}
    atomic_write_json(folder / EXPORT_FILE, document)
    atomic_write_text(folder / "README.md", dataset_card(dataset.manifest, about))


def _write_split(
    dataset: DoorDataset, split: str, folder: Path, size: int, advance: Callable[[int], None]
) -> None:
    doors = dataset.indices(split)
    files = math.ceil(len(doors) / size)
    for number in range(files):
        rows = _tables(dataset, doors[number * size : (number + 1) * size], advance)
        name = f"{split}-{number:05d}-of-{files:05d}.parquet"
        write_parquet(folder / name, dataset.config, rows)


def _tables(
    dataset: DoorDataset, doors: np.ndarray, advance: Callable[[int], None]
) -> Iterator[pa.Table]:
    for first in range(0, len(doors), _ROWS):
        chosen = doors[first : first + _ROWS]
        arrays = {name: dataset.read(name, chosen) for name in dataset.config.arrays()}
        yield to_table(dataset.config, chosen, arrays)
        advance(len(chosen))


def _copy_videos(dataset: DoorDataset, folder: Path) -> None:
    for name in dataset.config.video_names():
        folder.mkdir(exist_ok=True)
        atomic_write_bytes(folder / name, dataset.read_video(name))


def _digests(dataset: DoorDataset) -> dict[str, str]:
    """Maps every shard to a digest of its values; file checksums would depend on the compressor."""
    digests = {}
    for name, (first, last) in dataset.config.shards().items():
        doors = np.arange(first, last)
        arrays = {array: dataset.read(array, doors) for array in dataset.config.arrays()}
        digests[name] = _digest(arrays)
    return digests


def _digest(arrays: dict[str, np.ndarray]) -> str:
    return checksum({name: values.tobytes() for name, values in arrays.items()})


def _read_export(source: Path) -> tuple[Manifest, dict[str, str]]:
    file = source / EXPORT_FILE
    document: dict[str, Any] = read_json(file, DatasetError)
    try:
        manifest, digests = Manifest.from_json(document["manifest"], file), document["digests"]
        if not isinstance(digests, dict) or not all(isinstance(d, str) for d in digests.values()):
            raise TypeError("digests of another type")
        if set(digests) != set(manifest.config.shards()) or not manifest.complete:
            raise LookupError("a list of other shards")
    except (LookupError, AttributeError, TypeError) as error:
        raise _damaged(f"the manifest of an export in {file}", f"{error}") from None
    return manifest, digests


def _damaged(expected: str, got: str) -> DatasetError:
    return DatasetError(expected, got, "download it again, or export it again")
