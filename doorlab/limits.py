"""Ranges of settings and of fields in files: declared in annotations, checked by one function.

@dataclass(frozen=True)
class Config:
    steps: PositiveInt = 100
    rates: tuple[PositiveFloat, ...] = (0.1,)

    def __post_init__(self) -> None:
        check_limits(self)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, get_args, get_type_hints

import numpy as np

from doorlab.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """A range of finite numbers, including both ends."""

    low: int | float = -math.inf
    high: int | float = math.inf
    whole: bool = False
    """Whether the range contains whole numbers only."""
    positive: bool = False
    """Whether 0 is excluded."""
    unit: str = ""
    """Unit of the numbers, for messages: "m"."""

    def admits(self, value: Any) -> bool:
        """Whether a value is a number in the range. Returns False for bool, NaN and infinity."""
        kinds = int | np.integer if self.whole else int | float | np.integer | np.floating
        if not isinstance(value, kinds) or isinstance(value, bool):
            return False
        if isinstance(value, float | np.floating) and not math.isfinite(value):
            return False
        return bool(self.low <= value <= self.high and not (self.positive and value <= 0))

    def __str__(self) -> str:
        """Describes the range: "a whole number from 1 to 8", "a finite number above 0"."""
        low, high = (str(n) if isinstance(n, int) else f"{n:g}" for n in (self.low, self.high))
        if math.isfinite(self.high):
            number = "a whole number" if self.whole else "a number"
            return f"{number} from {low} to {high} {self.unit}".rstrip()
        number = "a whole number" if self.whole else "a finite number"
        if self.positive:
            return f"{number} above 0"
        return f"{number} of {low} or more" if math.isfinite(self.low) else number


def at_least(low: int) -> Limits:
    """Whole numbers of at least `low`."""
    return Limits(low, whole=True)


def from_to(low: int, high: int) -> Limits:
    """Whole numbers from `low` to `high`, including both."""
    return Limits(low, high, whole=True)


SHARE, SEED = Limits(0, 1), from_to(0, 2**63 - 1)

PositiveInt = Annotated[int, at_least(1)]
NonNegativeInt = Annotated[int, at_least(0)]
PositiveFloat = Annotated[float, Limits(positive=True)]
NonNegativeFloat = Annotated[float, Limits(0)]
FiniteFloat = Annotated[float, Limits()]
Share = Annotated[float, SHARE]
Seed = Annotated[int, SEED]
Threads = Annotated[int, from_to(0, 1024)]
WorkerGpus = Annotated[float, Limits(high=1, positive=True)]


def check_limits(config: Any, prefix: str = "--") -> None:
    """Raises ConfigError for a setting outside of the limits that its annotation declares.

    A setting whose annotation contains None may be None.

    Args:
        config: a dataclass. For settings that are tuples, every item is checked.
        prefix: prefix of the settings' command-line options ("--architecture."); empty for
            settings without options.
    """
    for name, limits in _limits_of(type(config)).items():
        setting = getattr(config, name)
        if setting is None and name in _optional(type(config)):
            continue
        for value in setting if isinstance(setting, tuple) else (setting,):
            if not limits.admits(value):
                option = flag(name, prefix) if prefix else name
                raise ConfigError(f"{option} as {limits}", repr(value), f"correct {option}")


def flag(name: str, prefix: str = "--") -> str:
    """The command-line option of a setting."""
    return prefix + name.replace("_", "-")


@lru_cache(maxsize=64)
def _limits_of(config: type) -> dict[str, Limits]:
    """Maps settings to their limits, for settings that declare limits."""
    hints = get_type_hints(config, include_extras=True)
    limits_of = {name: next(_declared(hint), None) for name, hint in hints.items()}
    return {name: limits for name, limits in limits_of.items() if limits is not None}


@lru_cache(maxsize=64)
def _optional(config: type) -> frozenset[str]:
    """Names of the settings that may be None."""
    return frozenset(
        name for name, hint in get_type_hints(config).items() if type(None) in get_args(hint)
    )


def _declared(hint: Any) -> Iterator[Limits]:
    """Yields the limits in an annotation, including those of tuple items."""
    for part in get_args(hint):
        if isinstance(part, Limits):
            yield part
        else:
            yield from _declared(part)
