"""Footage of real doors as a dataset: pictures to learn from, and nothing else known about them.

The part that `generation` plays for simulated doors: what a dataset contains follows from an
`ImportConfig` and the footage.

Legend: D doors in a shard, M frames, H, W pixels.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from doorlab.data.config import DatasetConfig, check_limits, split_of_doors
from doorlab.data.footage import FITS, Fit, find_entries, open_entry, read_frames
from doorlab.data.schema import ARRAYS, ArraySpec
from doorlab.data.store import write_shard
from doorlab.errors import ConfigError, DatasetError
from doorlab.progress import track

_ARRAYS = ("images", "split")
_NAMED = 5  # so many doors are named in a message
_LIMITS: dict[str, tuple[int, int] | tuple[float, float]] = {
    "doors": (1, 100_000_000),
    "frames": (1, 10_000),
    "image_size": (8, 1024),
    "seed": (0, 2**63 - 1),
    "validation_fraction": (0.0, 0.9),
    "test_fraction": (0.0, 0.9),
    "shard_doors": (1, 100_000),
}


@dataclass(frozen=True)
class FootageSettings:
    """How footage becomes a dataset."""

    frames: int = 8
    """Frames per door, evenly spaced over its images or its video."""
    image_size: int = 64
    """Height and width of a frame, pixels."""
    fit: Fit = "crop"
    """How pictures become square: crop (the middle), pad (all of it, on black)."""
    skip_short: bool = False
    """Leave out doors with fewer images than --frames; without it they are an error."""
    seed: int = 0
    """Seed of the splits."""
    validation_fraction: float = 0.05
    """Share of the doors held out for choosing settings."""
    test_fraction: float = 0.15
    """Share of the doors held out for the final figures."""
    shard_doors: int = 64
    """Doors per shard: the unit of work, of resuming and of checksums."""


@dataclass(frozen=True)
class ImportConfig(FootageSettings, DatasetConfig):
    """All that an imported dataset depends on, but for the footage itself.

    Raises ConfigError for sizes that make no sense. `plan_import` finds the names.
    """

    kind = "imported"

    source: str = ""
    """Folder of the footage, as it was given."""
    names: tuple[str, ...] = ()
    """The subfolder or video of every door."""

    def __post_init__(self) -> None:
        check_limits(self, _LIMITS)
        if self.fit not in FITS:
            raise ConfigError(f"fit as {' or '.join(FITS)}", repr(self.fit), "correct --fit")

    @property
    def doors(self) -> int:
        """D."""
        return len(self.names)

    @property
    def interactions(self) -> int:
        """J: nobody recorded any."""
        return 0

    @property
    def origin(self) -> str:
        """In words: where the footage was."""
        return f"imported from the footage in {self.source}"

    def arrays(self) -> dict[str, ArraySpec]:
        """What can be known from pictures."""
        return {name: ARRAYS[name] for name in _ARRAYS}

    def differing(self, other: DatasetConfig) -> list[str]:
        """As for every dataset; footage may be moved meanwhile, and lists of doors are long."""
        found = [d for d in super().differing(other) if d.split()[0] not in ("source", "names")]
        if isinstance(other, ImportConfig) and self.names != other.names:
            found.append(f"the doors ({_difference(self.names, other.names)})")
        return found

    def command(self, out: str | Path) -> str:
        """The shell command that imports this dataset into `out`, or goes on with it."""
        options = [o for o in self._options() if not o.startswith(("--source", "--names"))]
        where = ["doorlab import", shlex.quote(self.source), "--out", shlex.quote(str(out))]
        return " ".join([*where, *options, "--resume"])


@dataclass(frozen=True)
class Plan:
    """What an import will do.

    Attributes:
        config: of the dataset.
        short: doors that are left out, because they have too few pictures.
        ignored: files in the source that are no footage.
    """

    config: ImportConfig
    short: list[str]
    ignored: list[str]


def plan_import(source: str | Path, settings: FootageSettings) -> Plan:
    """Looks at every door in `source`, and reads none.

    Raises:
        ConfigError: for settings that make no sense.
        DatasetError: when there is no footage, when a part of it can't be read, and for doors with
            fewer pictures than frames, unless `settings.skip_short`.
    """
    paths, others = find_entries(Path(source))
    values = {name: getattr(settings, name) for name in FootageSettings.__dataclass_fields__}
    config = ImportConfig(**values, source=str(source), names=tuple(p.name for p in paths))
    entries = list(track(map(open_entry, paths), "doors looked at", len(paths)))
    short = [f"{e.path.name} ({e.pictures})" for e in entries if e.pictures < config.frames]
    if short and (len(short) == len(entries) or not config.skip_short):
        others = "" if len(short) == len(entries) else ", or leave these out with --skip-short"
        raise DatasetError(
            f"at least {config.frames} pictures of every door",
            f"fewer of {listing(short)}",
            f"ask for fewer --frames{others}",
        )
    names = tuple(e.path.name for e in entries if e.pictures >= config.frames)
    kept = ImportConfig(**values, source=str(source), names=names)
    return Plan(kept, short, [path.name for path in others])


class FootageWriter:
    """Reads footage and writes one shard; a copy lives in every worker."""

    def __init__(self, path: Path, config: ImportConfig) -> None:
        self._path, self._config = path.absolute(), config  # workers may be in other folders
        self._source = Path(config.source).absolute()

    def __call__(self, part: str) -> tuple[str, str]:
        """Writes the part ("shards/shard-00000", say); returns it and its checksum."""
        config = self._config
        first, last = config.shards()[Path(part).name]
        doors = [
            read_frames(self._source / name, config.frames, config.image_size, config.fit)
            for name in config.names[first:last]
        ]
        arrays = {"images": np.stack(doors), "split": split_of_doors(config)[first:last]}
        return part, write_shard(self._path / part, arrays, config.arrays())

    def close(self) -> None:
        """Nothing is held."""


def listing(names: Sequence[str]) -> str:
    """Names for a message: all of them if they are few, or the first and their number."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _difference(there: Sequence[str], here: Sequence[str]) -> str:
    odd = {"only there": set(there) - set(here), "only here": set(here) - set(there)}
    parts = [f"{where}: {listing(sorted(names))}" for where, names in odd.items() if names]
    return "; ".join(parts) or "in another order"
