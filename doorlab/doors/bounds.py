"""Valid numbers and names of doors, appearances and cameras: one table for all checks.

A bound states what every simulator can build and compute, not what is typical (see
`doors.prior`). Numbers are converted to Python floats, because the text form of NumPy numbers is
invalid in URDF.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from doorlab.errors import ConfigError, unknown_name
from doorlab.limits import Limits

WALL_HALF_WIDTH = 3.0  # m, half the width of the wall around a door
WALL_HEIGHT = 4.0  # m
FRAME_WIDTH = 0.07  # m

# In SI units, for numbers without a specific limit: float32 must hold quotients and squares.
_SMALLEST, _LARGEST = 1e-6, 1e6


def positive(high: float = _LARGEST, unit: str = "") -> Limits:
    """Limits from a millionth to `high`."""
    return Limits(_SMALLEST, high, unit=unit)


def not_negative(high: float = _LARGEST, unit: str = "") -> Limits:
    """Limits from 0 to `high`."""
    return Limits(0.0, high, unit=unit)


def anywhere(unit: str) -> Limits:
    """Limits for numbers of either sign."""
    return Limits(-_LARGEST, _LARGEST, unit=unit)


NUMBERS: dict[str, Limits] = {
    "width": positive(2 * WALL_HALF_WIDTH - 2 * FRAME_WIDTH, "m"),
    "height": positive(WALL_HEIGHT - FRAME_WIDTH, "m"),
    "thickness": positive(1.0, "m"),
    "place": anywhere("m"),
    "opening_limit": positive(),
    "handle_height": positive(WALL_HEIGHT, "m"),
    "backset": positive(2 * WALL_HALF_WIDTH, "m"),
    "handle_length": positive(1.0, "m"),
    "latch_angle": not_negative(math.pi, "rad"),
    "mass": positive(unit="kg"),
    "hinge_friction": not_negative(),  # units of these: see `doors.door.Door`
    "hinge_damping": not_negative(),
    "stiction": not_negative(),
    "closer_stiffness": not_negative(),
    "light_strength": not_negative(1.0),
    "field_of_view": positive(math.pi - 1e-6, "rad"),
}
COLOR = not_negative(1.0)
POINT = anywhere("m")  # every coordinate of a point


def checked_number(owner: str, name: str, value: Any, limits: Limits) -> float:
    """The value as a Python float. Raises ConfigError if it is not a number within its limits."""
    if type(value) is not float:
        value = _plain(owner, name, value)
    if not limits.low <= value <= limits.high:
        raise ConfigError(f"{name} of {owner} to be {limits}", f"{value}", f"correct {name}")
    return value


def checked_vector(owner: str, name: str, value: Any, limits: Limits) -> tuple[float, float, float]:
    """The value as three Python floats. Raises ConfigError if it is not such a vector."""
    if not isinstance(value, tuple | list | np.ndarray) or len(value) != 3:
        raise ConfigError(f"{name} of {owner} to be 3 numbers", f"{value!r}", f"correct {name}")
    x, y, z = (checked_number(owner, name, part, limits) for part in value)
    return x, y, z


def check_name(owner: str, name: str, value: Any, known: Collection[str]) -> None:
    """Raises ConfigError, listing the valid names, for an unknown category."""
    if not isinstance(value, str) or value not in known:
        raise unknown_name(f"{name} of {owner}", value, known)


def checked_flag(owner: str, name: str, value: Any) -> bool:
    """The value as a Python bool. Raises ConfigError if it is not a bool."""
    if not isinstance(value, bool | np.bool_):
        raise ConfigError(f"{name} of {owner} to be True or False", f"{value!r}", f"correct {name}")
    return bool(value)


def store_numbers(owner: str, instance: Any, limits_of: Mapping[str, Limits]) -> None:
    """Checks the numbers of a frozen dataclass, and stores them as Python floats."""
    values = vars(instance)
    for name, limits in limits_of.items():
        value = values[name]
        if type(value) is not float or not limits.low <= value <= limits.high:
            object.__setattr__(instance, name, checked_number(owner, name, value, limits))


def store_vectors(owner: str, instance: Any, limits_of: Mapping[str, Limits]) -> None:
    """Checks and stores fields of three numbers, as `store_numbers` does for single numbers."""
    values = vars(instance)
    for name, limits in limits_of.items():
        value = values[name]
        if not _is_plain_vector(value, limits):
            object.__setattr__(instance, name, checked_vector(owner, name, value, limits))


def _is_plain_vector(value: Any, limits: Limits) -> bool:
    if type(value) is not tuple or len(value) != 3:
        return False
    (x, y, z), low, high = value, limits.low, limits.high
    plain = type(x) is type(y) is type(z) is float
    return plain and low <= x <= high and low <= y <= high and low <= z <= high


def _plain(owner: str, name: str, value: Any) -> float:
    real = isinstance(value, int | float | np.integer | np.floating)
    if not real or isinstance(value, bool):
        raise ConfigError(f"{name} of {owner} to be a number", f"{value!r}", f"correct {name}")
    try:
        return float(value)
    except OverflowError:
        return math.inf
