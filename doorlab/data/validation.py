"""Checks that the values of a dataset are ones that a simulator can have produced.

Checksums only show that a dataset is unchanged since it was written, not that its values are valid.

Legend: D doors, M frames.
"""

from __future__ import annotations

import numpy as np

from doorlab.data.config import DatasetConfig, split_of_doors
from doorlab.data.schema import ARRAYS, SPLITS
from doorlab.doors import View
from doorlab.errors import ConfigError, DatasetError

_FIX = "generate or download the dataset again"


def check_values(
    name: str, values: np.ndarray, doors: np.ndarray, where: object, fix: str = _FIX
) -> None:
    """Raises DatasetError for a value outside the limits of the schema.

    Args:
        name: name of the array in `schema.ARRAYS`.
        values: (D, ...), values of that array.
        doors: int (D,), indices of the doors in the dataset, for the message.
        where: the dataset, for the message.
        fix: what the user can do, as an imperative.
    """
    limits = ARRAYS[name].limits
    if limits is None or not values.size:
        return
    if limits.low <= values.min() and values.max() <= limits.high:  # False for NaN
        return
    index = tuple(np.argwhere(~((limits.low <= values) & (values <= limits.high)))[0])
    got = f"{values[index]} for door {doors[index[0]]}"
    raise DatasetError(f"{name} of every door in {where} to be {limits}", got, fix)


def check_split(config: DatasetConfig, split: np.ndarray, where: object) -> None:
    """Raises DatasetError for a door whose split differs from the one that the settings imply.

    Args:
        config: config of the dataset.
        split: int, indices in `schema.SPLITS`, for all doors.
        where: the dataset, for the message.
    """
    expected = split_of_doors(config)
    for door in np.flatnonzero(split != expected)[:1]:
        raise DatasetError(
            f"door {door} of {where} in the split {SPLITS[expected[door]]}, as its settings imply",
            SPLITS[split[door]],
            _FIX,
        )


def check_joint_positions(
    positions: np.ndarray, opening_limits: np.ndarray, doors: np.ndarray, where: object
) -> None:
    """Raises DatasetError for a joint position beyond the opening limit of its door.

    Args:
        positions: float32 (D, M), rad or m.
        opening_limits: float (D,), rad or m.
        doors: int (D,), indices of the doors in the dataset.
        where: the dataset, for the message.
    """
    limits = opening_limits.astype(positions.dtype)[:, None]  # same rounding as the positions
    beyond = np.argwhere(positions > limits)
    if len(beyond):
        row, frame = beyond[0]
        raise DatasetError(
            f"joint positions of door {doors[row]} in {where} within its opening limit, "
            f"{limits[row, 0]:.4g}",
            f"{positions[row, frame]}",
            _FIX,
        )


def check_views(views: np.ndarray, doors: np.ndarray, where: object) -> None:
    """Raises DatasetError for a camera pose that cannot be rendered.

    Args:
        views: float64 (D, M, 7), from `View.to_array`.
        doors: int (D,), indices of the doors in the dataset.
        where: the dataset, for the message.
    """
    for door, of_door in zip(doors, views, strict=True):
        for frame, values in enumerate(of_door):
            try:
                View.from_array(values)
            except ConfigError as error:
                got = f"{error.got} in frame {frame} of door {door} in {where}"
                raise DatasetError(error.expected, got, _FIX) from None
