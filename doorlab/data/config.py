"""Settings that all kinds of datasets share, and the splits that follow from them.

Each kind of dataset is a frozen dataclass derived from `DatasetConfig`: simulated doors
(`simulation.GenerationConfig`) or footage of real doors (`importing.ImportConfig`). Readers,
manifests and writers only use the interface defined here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np

from doorlab.data.schema import SPLITS, ArraySpec
from doorlab.errors import ConfigError
from doorlab.limits import Limits, NonNegativeInt, Seed, check_limits, flag, from_to
from doorlab.seeding import stream
from doorlab.storage.text_paths import shell_quoted

Doors = Annotated[int, from_to(1, 10_000_000)]  # more would take weeks; splits are held in memory
FrameCount = Annotated[int, from_to(1, 10_000)]
ImageSize = Annotated[int, from_to(8, 1024)]
HeldOutShare = Annotated[float, Limits(0, 0.9)]
ShardDoors = Annotated[int, from_to(1, 100_000)]

C = TypeVar("C", bound="DatasetConfig")


class DatasetConfig(ABC):
    """All settings that determine the bytes of a dataset.

    Attributes:
        kind: kind of dataset ("simulated", "imported"); stored in dataset.json.
        doors: D, number of doors.
        frames: M, frames per door.
        interactions: J, interactions per door; 0 for imported footage.
        image_size: H and W, pixels.
        seed: seed of all random streams.
        validation_fraction: fraction of the doors held out for choosing settings.
        test_fraction: fraction of the doors held out for the final results.
        shard_doors: doors per shard.
        names: names of the doors; empty if the doors have no names.
    """

    kind: ClassVar[str]
    doors: Doors
    frames: FrameCount
    interactions: NonNegativeInt
    image_size: ImageSize
    seed: Seed
    validation_fraction: HeldOutShare
    test_fraction: HeldOutShare
    shard_doors: ShardDoors
    names: tuple[str, ...] = ()

    @property
    @abstractmethod
    def origin(self) -> str:
        """Describes where the doors come from, for messages."""

    @abstractmethod
    def arrays(self) -> dict[str, ArraySpec]:
        """The arrays of every shard by name: all of `schema.ARRAYS`, or a subset."""

    @abstractmethod
    def command(self, out: str | Path) -> str:
        """The shell command that creates this dataset in `out`, or resumes its creation."""

    def video_names(self) -> dict[str, int]:
        """Maps the file name of every video to the index of its door."""
        return {}

    def without_videos(self) -> DatasetConfig:
        """The settings of the same dataset without videos."""
        return self

    def shards(self) -> Mapping[str, tuple[int, int]]:
        """Maps the name of every shard to (first door, last door + 1)."""
        return _shards(self.doors, self.shard_doors)

    def to_json(self) -> dict[str, Any]:
        """The settings as stored in dataset.json."""
        return asdict(self)  # pyright: ignore[reportArgumentType]  # children are dataclasses

    @classmethod
    def from_json(cls: type[C], values: Mapping[str, Any]) -> C:
        """The inverse of `to_json`. Raises ConfigError for missing, unknown or bad settings."""
        known = {f.name for f in fields(cls)}  # pyright: ignore[reportArgumentType]
        if set(values) != known:
            raise ConfigError(
                f"the settings {', '.join(sorted(known))}",
                f"missing or unknown settings ({', '.join(sorted(known ^ set(values)))})",
                "generate the dataset again",
            )
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})

    def differing(self, other: DatasetConfig) -> list[str]:
        """Lists the settings in which two configs differ, each with both values."""
        if self.kind != other.kind:
            return [f"kind ({self.kind} there, {other.kind} here)"]
        names = [f.name for f in fields(self)]  # pyright: ignore[reportArgumentType]
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in names}
        return [f"{k} ({own} there, {new} here)" for k, (own, new) in pairs.items() if own != new]

    def _options(self) -> list[str]:
        """The command-line options of all settings that differ from their defaults."""
        options = []
        for f in fields(self):  # pyright: ignore[reportArgumentType]
            value = getattr(self, f.name)
            if f.default is MISSING or value == f.default:
                continue
            if isinstance(value, bool):
                options.append(flag(f.name if value else f"no_{f.name}"))
            else:
                options.append(f"{flag(f.name)} {shell_quoted(str(value))}")
        return options


def check_config(config: DatasetConfig) -> None:
    """Raises ConfigError for a setting out of range, or if no doors are left for training."""
    check_limits(config)
    if config.validation_fraction + config.test_fraction >= 1:
        raise ConfigError(
            "validation_fraction + test_fraction below 1",
            f"{config.validation_fraction} + {config.test_fraction}",
            "reduce one of them, so that some doors are left for training",
        )


def split_of_doors(config: DatasetConfig) -> np.ndarray:
    """uint8 (doors,), read-only: index in SPLITS of every door; exact fractions, shuffled."""
    return _splits(config.seed, config.doors, config.test_fraction, config.validation_fraction)


@lru_cache(maxsize=4)  # used for every shard
def _splits(seed: int, doors: int, test_fraction: float, validation_fraction: float) -> np.ndarray:
    # 1e-9 compensates for rounding: 0.29 * 100 would otherwise truncate to 28.
    test, validation = (int(share * doors + 1e-9) for share in (test_fraction, validation_fraction))
    order = stream(seed, "split").permutation(doors)
    split = np.full(doors, SPLITS.index("train"), dtype=np.uint8)
    split[order[:test]] = SPLITS.index("test")
    split[order[test : test + validation]] = SPLITS.index("validation")
    split.flags.writeable = False
    return split


@lru_cache(maxsize=4)  # used for every part
def _shards(doors: int, shard_doors: int) -> Mapping[str, tuple[int, int]]:
    firsts = range(0, doors, shard_doors)
    ends = [(first, min(first + shard_doors, doors)) for first in firsts]
    return MappingProxyType({f"shard-{number:05d}": pair for number, pair in enumerate(ends)})


def empty_splits_warning(config: DatasetConfig) -> str:
    """A warning if the validation or test fraction of so few doors rounds to zero; otherwise ""."""
    shares = {"validation": config.validation_fraction, "test": config.test_fraction}
    counts = np.bincount(split_of_doors(config), minlength=len(SPLITS))
    sizes: dict[str, int] = dict(zip(SPLITS, counts.tolist(), strict=True))
    empty = [name for name, share in shares.items() if share and not sizes[name]]
    if not empty:
        return ""
    parts = ", ".join(f"{count} for {name}" for name, count in sizes.items())
    options = " and ".join(flag(f"{name}_fraction") for name in empty)
    return f"with so few doors, the splits are {parts}. Raise {options}, or use more doors"
