"""Which numbers a setting or a field of a file may have: declared once, checked in one way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from doorlab.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """A range of finite numbers, both ends included."""

    low: int | float = -math.inf
    high: int | float = math.inf
    whole: bool = False
    """Whether only whole numbers are in it."""
    positive: bool = False
    """Whether 0 is not in it."""

    def admits(self, value: Any) -> bool:
        """Whether the value is a number in the range; bool, NaN and infinity are none."""
        kinds = int | np.integer if self.whole else int | float | np.integer | np.floating
        if not isinstance(value, kinds) or isinstance(value, bool):
            return False
        if isinstance(value, float | np.floating) and not math.isfinite(value):
            return False
        return bool(self.low <= value <= self.high and not (self.positive and value <= 0))

    def __str__(self) -> str:
        """In words: a whole number from 1 to 8, a number of 0 or more, a positive number."""
        number = "a whole number" if self.whole else "a number"
        low, high = (
            f"{end}" if isinstance(end, int) else f"{end:g}" for end in (self.low, self.high)
        )
        if math.isfinite(self.high):
            return f"{number} from {low} to {high}"
        if self.positive:
            return "a positive number"
        return f"{number} of {low} or more" if math.isfinite(self.low) else "a finite number"


def at_least(low: int) -> Limits:
    """Whole numbers from `low` on."""
    return Limits(low, whole=True)


def from_to(low: int, high: int) -> Limits:
    """Whole numbers."""
    return Limits(low, high, whole=True)


NOT_NEGATIVE = Limits(0.0)
POSITIVE = Limits(positive=True)
SHARE = Limits(0.0, 1.0)
FINITE = Limits()
SEED = from_to(0, 2**63 - 1)


def check_limits(config: Any, limits: Mapping[str, Limits], prefix: str = "--") -> None:
    """Raises ConfigError for a setting outside of its limits; of a tuple, every value counts.

    Args:
        config: that has the settings as attributes.
        limits: of its settings, by name.
        prefix: of their options on the command line ("--architecture.").
    """
    for name, limit in limits.items():
        setting = getattr(config, name)
        for value in setting if isinstance(setting, tuple) else (setting,):
            if not limit.admits(value):
                option = flag(name, prefix)
                raise ConfigError(f"{option} as {limit}", repr(value), f"correct {option}")


def flag(name: str, prefix: str = "--") -> str:
    """The option of a setting on the command line."""
    return prefix + name.replace("_", "-")
