"""Converts footage of real doors to a dataset, which contains images and no other data.

This module corresponds to `simulation` for simulated doors: an `ImportConfig` and the footage
determine the content of a dataset.

Legend: D doors in a shard, M frames, H, W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from doorlab.data.config import (
    DatasetConfig,
    FrameCount,
    HeldOutShare,
    ImageSize,
    ShardDoors,
    check_config,
    split_of_doors,
)
from doorlab.data.lerobot.layout import is_lerobot_dataset
from doorlab.data.schema import ARRAYS, ArraySpec
from doorlab.data.shards import write_shard
from doorlab.data.sources.footage import (
    FITS,
    UNREAD_IMAGES,
    Fit,
    FootageDoor,
    UnreadableError,
    find_entries,
    find_unreadable,
    open_entry,
    read_frames,
)
from doorlab.data.sources.image_files import SIGNIFICANT_BITS
from doorlab.errors import ConfigError, DatasetError
from doorlab.limits import NonNegativeInt, Seed
from doorlab.storage.text_paths import shell_quoted
from doorlab.terminal.progress import track

_ARRAYS = ("images", "split")
# Settings added later: dataset.json contains them only if they are set, to keep old checksums.
_LATER = {"skip_unreadable": False, "significant_bits": 0, "left_out": (), "camera": ""}
_FOUND = ("--source", "--names", "--left-out")  # not options of the command line
_NAMED = 5  # maximum number of names listed in a message


@dataclass(frozen=True)
class FootageSettings:
    """Settings for converting footage to a dataset."""

    frames: FrameCount = 8
    """Frames per door, evenly spaced over its images or its video."""
    image_size: ImageSize = 64
    """Height and width of a frame, pixels."""
    fit: Fit = "crop"
    """How images become square: crop (central square) or pad (whole image on black)."""
    skip_short: bool = False
    """Leave out doors with fewer images than --frames; by default they are an error."""
    skip_unreadable: bool = False
    """Leave out images and videos that cannot be read; by default they are an error."""
    significant_bits: NonNegativeInt = 0
    """Number of bits in use in 16-bit images (9 to 16); 0: as the file states, or all 16."""
    seed: Seed = 0
    """Seed of the random split into training, validation and test doors."""
    validation_fraction: HeldOutShare = 0.05
    """Fraction of the doors held out for choosing settings."""
    test_fraction: HeldOutShare = 0.15
    """Fraction of the doors held out for the final results."""
    shard_doors: ShardDoors = 64
    """Doors per shard, the unit of work, of resuming and of checksums."""
    camera: str = ""
    """Camera of a LeRobot dataset (observation.images.front, for example); if empty, the only
    camera."""


@dataclass(frozen=True)
class ImportConfig(FootageSettings, DatasetConfig):
    """All settings that an imported dataset depends on, besides the footage itself.

    Raises ConfigError for settings out of range. `plan_import` fills in the names.
    """

    kind = "imported"

    source: str = ""
    """Folder of the footage, as the user entered it."""
    names: tuple[str, ...] = ()
    """Subfolder or video file name of every door."""
    left_out: tuple[str, ...] = ()
    """Images ("door 3/2.png") and videos that cannot be read."""

    def __post_init__(self) -> None:
        check_config(self)
        low, high = SIGNIFICANT_BITS
        if self.significant_bits and not low <= self.significant_bits <= high:
            got = repr(self.significant_bits)
            expected = f"significant_bits from {low} to {high}, or 0"
            raise ConfigError(expected, got, "correct --significant-bits")
        if self.fit not in FITS:
            raise ConfigError(f"fit as {' or '.join(FITS)}", repr(self.fit), "correct --fit")

    @property
    def doors(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """D, the number of doors."""
        return len(self.names)

    @property
    def interactions(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """J: always 0, footage contains no interactions."""
        return 0

    @property
    def origin(self) -> str:
        """Describes the source folder, for messages."""
        return f"imported from the footage in {self.source}"

    def arrays(self) -> dict[str, ArraySpec]:
        """The arrays of an imported dataset: images and split."""
        return {name: ARRAYS[name] for name in _ARRAYS}

    def to_json(self) -> dict[str, Any]:
        """The settings as stored in dataset.json, without later settings at their defaults."""
        values = super().to_json()
        return {k: v for k, v in values.items() if k not in _LATER or v != _LATER[k]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ImportConfig:
        """The inverse of `to_json`. Raises ConfigError for missing, unknown or bad settings."""
        return super().from_json({**_LATER, **values})

    def differing(self, other: DatasetConfig) -> list[str]:
        """Lists differing settings; ignores the source path and abbreviates lists of files."""
        own = ("source", "names", "left_out")
        differences = [d for d in super().differing(other) if d.split()[0] not in own]
        if isinstance(other, ImportConfig):
            if self.names != other.names:
                differences.append(f"the doors ({_difference(self.names, other.names)})")
            if self.left_out != other.left_out:
                odd = _difference(self.left_out, other.left_out)
                differences.append(f"the unreadable files ({odd})")
        return differences

    def command(self, out: str | Path) -> str:
        """The shell command that imports this dataset into `out`, or resumes the import."""
        options = [o for o in self._options() if not o.startswith(_FOUND)]
        where = ["doorlab import", shell_quoted(self.source), "--out", shell_quoted(str(out))]
        return " ".join([*where, *options, "--resume"])


@runtime_checkable
class EpisodeFrames(Protocol):
    """The frames of a dataset of episodes, as `lerobot.LeRobotFrames` reads them.

    Attributes:
        camera: key of the camera.
        names: names of the episodes.
    """

    camera: str
    names: tuple[str, ...]

    def length(self, name: str) -> int:
        """Number of frames of an episode."""
        ...

    def read(self, name: str, frames: int, size: int, fit: Fit) -> np.ndarray:
        """uint8 (M, S, S, 3): M frames of an episode, evenly spaced."""
        ...


@dataclass(frozen=True)
class ImportPlan:
    """The result of `plan_import`: the config of the dataset, and what is left out.

    Attributes:
        config: config of the dataset.
        short: doors left out because they have too few images.
        ignored: files in the source that are neither images nor videos.
        passed_over: files and folders in door folders that are not images of a known format.
        unreadable: files left out because they cannot be read, with the reasons.
    """

    config: ImportConfig
    short: list[str]
    ignored: list[str]
    passed_over: list[str]
    unreadable: list[str]


def plan_import(source: str | Path, settings: FootageSettings) -> ImportPlan:
    """Inspects every door in `source`; decodes images only if `settings.skip_unreadable`.

    Args:
        source: a folder of footage (`footage`), or a LeRobot dataset, whose episodes are doors.
        settings: settings of the dataset.

    Raises:
        ConfigError: for settings out of range; for an unknown camera; if a LeRobot dataset has
            several cameras and none is chosen; if pyarrow is missing for a LeRobot dataset.
        DatasetError: if there is no footage; if a file cannot be read, unless
            `settings.skip_unreadable`; if a door has fewer images than frames, unless
            `settings.skip_short`.
    """
    frames = _open_lerobot(Path(source), settings.camera)
    paths, others = _lerobot_entries(frames) if frames else find_entries(Path(source))
    values = {name: getattr(settings, name) for name in FootageSettings.__dataclass_fields__}
    values["camera"] = frames.camera if frames else ""
    config = ImportConfig(**values, source=str(source), names=tuple(p.name for p in paths))
    entries, unreadable = _open_all(paths, config, frames)
    short = [entry for entry in entries if entry.num_images < config.frames]
    doors = [entry for entry in entries if entry.num_images >= config.frames]
    if not entries:
        raise DatasetError(
            f"at least one readable door in {source}",
            f"none: {listing([f'{name} ({why})' for name, why in unreadable.items()])}",
            "repair the files, or correct the path",
        )
    if short and not (doors and config.skip_short):
        raise _too_short(config, short, bool(doors))
    kept = replace(
        config, names=tuple(entry.path.name for entry in doors), left_out=tuple(unreadable)
    )
    return ImportPlan(
        kept,
        [entry.summary() for entry in short],
        [path.name for path in others],
        [f"{entry.path.name}/{name}" for entry in entries for name in entry.passed_over],
        [f"{name} ({reason})" for name, reason in unreadable.items()],
    )


def _open_lerobot(source: Path, camera: str) -> EpisodeFrames | None:
    """The frames of a LeRobot dataset; None for other folders."""
    if is_lerobot_dataset(source):
        from doorlab.data.sources.lerobot import LeRobotFrames  # needs pyarrow

        return LeRobotFrames(source, camera)
    if camera:
        raise ConfigError(
            f"no camera, as {source} is no LeRobot dataset", repr(camera), "remove --camera"
        )
    return None


def _lerobot_entries(frames: EpisodeFrames) -> tuple[list[Path], list[Path]]:
    """The episodes as entries, and no other files."""
    return [Path(name) for name in frames.names], []


def _open_all(
    paths: Sequence[Path], config: ImportConfig, frames: EpisodeFrames | None
) -> tuple[list[FootageDoor], dict[str, str]]:
    """Opens the doors at `paths`; also returns unreadable files with the reasons."""
    entries, unreadable = [], {}
    for path in track(paths, "footage", "doors inspected"):
        try:
            entry = _open_door(path, config, frames)
        except UnreadableError as error:
            if not config.skip_unreadable:
                raise
            unreadable[path.name] = error.got
            continue
        unreadable |= {f"{path.name}/{name}": why for name, why in entry.unreadable.items()}
        entries.append(entry)
    return entries, unreadable


def _open_door(path: Path, config: ImportConfig, frames: EpisodeFrames | None) -> FootageDoor:
    if frames is None:
        entry = open_entry(path, config.frames)
        return _without_unreadable(entry, config) if config.skip_unreadable else entry
    entry = FootageDoor(path, frames.length(path.name))
    if config.skip_unreadable and entry.num_images >= config.frames:
        frames.read(path.name, config.frames, config.image_size, config.fit)
    return entry


def _without_unreadable(entry: FootageDoor, config: ImportConfig) -> FootageDoor:
    if entry.num_images < config.frames:
        return entry
    bad = find_unreadable(entry.path, config.frames, config.significant_bits)
    return replace(entry, num_images=entry.num_images - len(bad), unreadable=bad)


def _too_short(config: ImportConfig, short: Sequence[FootageDoor], any_long: bool) -> DatasetError:
    suffixes = {Path(name).suffix.lower() for entry in short for name in entry.passed_over}
    nested = any(not e.num_images and (e.path / n).is_dir() for e in short for n in e.passed_over)
    ways = [
        "repair the unreadable files" if any(entry.unreadable for entry in short) else "",
        "convert HEIC and AVIF to JPEG" if suffixes & UNREAD_IMAGES else "",
        "move the images of a door from subfolders into its folder" if nested else "",
        "use a smaller --frames",
        "leave these doors out with --skip-short" if any_long else "",
    ]
    return DatasetError(
        f"at least {config.frames} images for every door",
        f"fewer for {listing([entry.summary() for entry in short])}",
        ", or ".join(filter(None, ways)),
    )


class FootageWriter:
    """Reads footage and writes one shard; every worker process has a copy."""

    def __init__(self, path: Path, config: ImportConfig) -> None:
        self._path, self._config = path.absolute(), config  # workers may run in other folders
        self._source = Path(config.source).absolute()
        self._frames: EpisodeFrames | None = None  # opened in every worker

    def __call__(self, part: str) -> tuple[str, str]:
        """Writes a part (for example "shards/shard-00000"); returns its name and checksum."""
        config = self._config
        first, last = config.shards()[Path(part).name]
        doors = [self._read(name) for name in config.names[first:last]]
        arrays = {"images": np.stack(doors), "split": split_of_doors(config)[first:last]}
        return part, write_shard(self._path / part, arrays, config.arrays())

    def close(self) -> None:
        """Does nothing: no resources are held."""

    def _read(self, door: str) -> np.ndarray:
        config, start = self._config, f"{door}/"
        if config.camera:
            self._frames = self._frames or _open_lerobot(self._source, config.camera)
        if self._frames:
            return self._frames.read(door, config.frames, config.image_size, config.fit)
        return read_frames(
            self._source / door,
            config.frames,
            config.image_size,
            config.fit,
            config.significant_bits,
            {name.removeprefix(start) for name in config.left_out if name.startswith(start)},
        )


def listing(names: Sequence[str]) -> str:
    """Joins names for a message; a long list is cut to the first names and a count."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _difference(there: Sequence[str], here: Sequence[str]) -> str:
    odd = {"only there": set(there) - set(here), "only here": set(here) - set(there)}
    parts = [f"{where}: {listing(sorted(names))}" for where, names in odd.items() if names]
    return "; ".join(parts) or "in another order"
