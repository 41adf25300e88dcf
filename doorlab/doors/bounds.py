"""Which numbers and names a door, a look and a camera may have: one table for all who check them.

A bound says what every simulator can build and compute with, not what is common: `doors.prior`
says that. Numbers become plain floats, because the text of a NumPy number is no number in URDF.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from doorlab.errors import ConfigError, unknown_name
from doorlab.limits import Limits

WALL_HALF_WIDTH = 3.0  # m, of the wall that a door stands in
WALL_HEIGHT = 4.0  # m
FRAME_WIDTH = 0.07  # m

# In SI units, of whatever has no limit of its own: float32 must hold quotients and squares.
_SMALLEST, _LARGEST = 1e-6, 1e6


def positive(high: float = _LARGEST, unit: str = "") -> Limits:
    """From a millionth to `high`."""
    return Limits(_SMALLEST, high, unit=unit)


def not_negative(high: float = _LARGEST, unit: str = "") -> Limits:
    """From 0 to `high`."""
    return Limits(0.0, high, unit=unit)


def anywhere(unit: str) -> Limits:
    """Of either sign."""
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
POINT = anywhere("m")  # every coordinate of one


def checked_number(owner: str, name: str, value: Any, limits: Limits) -> float:
    """The value as a plain float. Raises ConfigError when it is no number within its limits."""
    if type(value) is not float:
        value = _plain(owner, name, value)
    if not limits.low <= value <= limits.high:
        raise ConfigError(f"{name} of {owner} to be {limits}", f"{value}", f"correct {name}")
    return value


def checked_vector(owner: str, name: str, value: Any, limits: Limits) -> tuple[float, float, float]:
    """The value as three plain floats. Raises ConfigError when it is none."""
    if not isinstance(value, tuple | list | np.ndarray) or len(value) != 3:
        raise ConfigError(f"{name} of {owner} to be 3 numbers", f"{value!r}", f"correct {name}")
    x, y, z = (checked_number(owner, name, part, limits) for part in value)
    return x, y, z


def check_name(owner: str, name: str, value: Any, known: Collection[str]) -> None:
    """Raises ConfigError, with the valid names, for a category that there is not."""
    if not isinstance(value, str) or value not in known:
        raise unknown_name(f"{name} of {owner}", value, known)


def checked_flag(owner: str, name: str, value: Any) -> bool:
    """The value as a plain bool. Raises ConfigError when it is none."""
    if not isinstance(value, bool | np.bool_):
        raise ConfigError(f"{name} of {owner} to be True or False", f"{value!r}", f"correct {name}")
    return bool(value)


def store_numbers(owner: str, instance: Any, limits_of: Mapping[str, Limits]) -> None:
    """Checks the numbers of a frozen dataclass, and stores them in it as plain floats."""
    values = vars(instance)
    for name, limits in limits_of.items():
        value = values[name]
        if type(value) is not float or not limits.low <= value <= limits.high:
            object.__setattr__(instance, name, checked_number(owner, name, value, limits))


def store_vectors(owner: str, instance: Any, limits_of: Mapping[str, Limits]) -> None:
    """As `store_numbers`, for fields of three numbers."""
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
