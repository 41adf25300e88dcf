"""Converts doors to arrays, one per field, and back; this is the form in datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from doorlab.doors.door import CATEGORIES, FIELDS, Appearance, Door
from doorlab.errors import ConfigError, DatasetError

# Fields that are neither categories (uint8) nor numbers (float64).
DTYPES = {"latch_direction": "int8", "locked": "bool"}


def doors_to_arrays(doors: Sequence[Door]) -> dict[str, np.ndarray]:
    """One array per field of `doors.FIELDS`, first axis D; categories as uint8 indices.

    Numbers are float64, so that a door that is read back equals the original exactly.
    """
    return {name: _column(name, [_get(door, name) for door in doors]) for name in FIELDS}


def door_from_arrays(
    arrays: Mapping[str, np.ndarray], index: int, number: int | None = None
) -> Door:
    """The door at `index`. Raises DatasetError for a missing field or an impossible door.

    Args:
        arrays: arrays from `doors_to_arrays`.
        index: index of the door in the arrays.
        number: index of the door in its dataset, for messages; `index` if None.
    """
    number = index if number is None else number
    missing = [name for name in FIELDS if name not in arrays]
    if missing:
        raise DatasetError(
            "one array per door parameter",
            f"none for {', '.join(missing)}",
            "generate the dataset again",
        )
    values = {name: _value(name, number, arrays[name][index]) for name in FIELDS}
    appearance = {k.split(".", 1)[1]: v for k, v in values.items() if "." in k}
    numbers = {k: v for k, v in values.items() if "." not in k}
    try:
        return Door(**numbers, appearance=Appearance(**appearance))
    except ConfigError as error:
        got = f"{error.got} in door {number}"
        raise DatasetError(error.expected, got, "generate or download the dataset again") from None


def _get(door: Door, name: str) -> Any:
    return getattr(door.appearance, name.split(".")[1]) if "." in name else getattr(door, name)


def _column(name: str, values: list[Any]) -> np.ndarray:
    if name in CATEGORIES:
        return np.array([CATEGORIES[name].index(v) for v in values], dtype=np.uint8)
    return np.array(values, dtype=DTYPES.get(name, "float64"))


def _value(name: str, number: int, entry: Any) -> Any:
    if name in CATEGORIES:
        if not 0 <= entry < len(CATEGORIES[name]):
            raise DatasetError(
                f"{name} of door {number} as a number below {len(CATEGORIES[name])}",
                f"{entry}",
                "generate or download the dataset again",
            )
        return CATEGORIES[name][int(entry)]
    if name in DTYPES:
        return entry.item()
    return float(entry) if np.ndim(entry) == 0 else tuple(float(v) for v in entry)
