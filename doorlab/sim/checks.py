"""What a simulator is asked for, checked before anything is computed: one code for all simulators.

Shapes: D doors, M frames per door, J interactions per door.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from doorlab.doors.action import checked_actions
from doorlab.doors.door import Door
from doorlab.doors.view import View
from doorlab.errors import ConfigError

_LARGEST_IMAGE = 8192  # pixels to a side
_GIVE = 0.05  # rad or m: stops give way, so that trajectories go up to 0.02 beyond either end


def check_render(doors: Any, joint_positions: Any, views: Any, image_size: Any) -> np.ndarray:
    """What `Simulator.render` was given, as it must be.

    Returns:
        The joint positions as an array (D, M).

    Raises:
        ConfigError: for anything that is no door, for joint positions or views that are not one
            row per door and of one length, that are not finite or beyond a door's limits, and for
            an image size that is none.
    """
    _check_doors(doors)
    size_is_whole = isinstance(image_size, int | np.integer) and not isinstance(image_size, bool)
    if not size_is_whole or not 1 <= image_size <= _LARGEST_IMAGE:
        raise ConfigError(
            f"an image size from 1 to {_LARGEST_IMAGE} pixels", f"{image_size!r}", "change it"
        )
    positions = _joint_positions(doors, joint_positions)
    _check_views(views, positions.shape)
    return positions


def check_interact(doors: Any, actions: Any) -> np.ndarray:
    """The actions that `Simulator.interact` was given, as an array (D, J, 4).

    Raises ConfigError for anything that is no door, and for actions that do not fit the doors or
    that are not in Box(-1, 1).
    """
    _check_doors(doors)
    return checked_actions(actions, (len(doors), "interactions"))


def _check_doors(doors: Any) -> None:
    if isinstance(doors, Door) or not isinstance(doors, Sequence):
        raise ConfigError("a sequence of doors", f"a {type(doors).__name__}", "give [door]")
    for number, door in enumerate(doors):
        if not isinstance(door, Door):
            raise ConfigError(
                "a sequence of doors", f"a {type(door).__name__} at {number}", "give Door objects"
            )


def _joint_positions(doors: Sequence[Door], joint_positions: Any) -> np.ndarray:
    try:
        positions = np.asarray(joint_positions)
    except ValueError:  # rows of different lengths
        positions = np.empty(0, dtype=object)
    expected = f"joint positions as numbers of shape ({len(doors)}, frames)"
    fix = "give one row per door, all of one length"
    if positions.dtype.kind not in "iuf":
        raise ConfigError(expected, f"an array of {positions.dtype}", fix)
    if positions.ndim != 2 or len(positions) != len(doors):
        raise ConfigError(expected, f"{positions.shape}", fix)
    limits = np.array([door.opening_limit for door in doors]).reshape(-1, 1)
    possible = (positions >= -_GIVE) & (positions <= limits + _GIVE)
    if not possible.all():
        d, m = np.argwhere(~possible)[0]
        unit = "m" if doors[d].mechanism == "sliding" else "rad"
        raise ConfigError(
            f"joint positions of door {d} from 0 to its limit of {limits[d, 0]:.4g} {unit}",
            f"{positions[d, m]}",
            "give them in rad (of a sliding door, in m)",
        )
    return positions


def _check_views(views: Any, shape: tuple[int, ...]) -> None:
    expected = f"{shape[0]} rows of {shape[1]} views, one for every joint position"
    if isinstance(views, View) or not isinstance(views, Sequence):
        raise ConfigError(expected, f"a {type(views).__name__}", "give one row per door")
    if len(views) != shape[0]:
        raise ConfigError(expected, f"{len(views)} rows", "give one row per door")
    for number, row in enumerate(views):
        if isinstance(row, View) or not isinstance(row, Sequence):
            raise ConfigError(expected, f"a {type(row).__name__} at {number}", "give rows of views")
        if len(row) != shape[1]:
            raise ConfigError(
                expected, f"{len(row)} views in row {number}", "give one view per joint position"
            )
        for view in row:
            if not isinstance(view, View):
                raise ConfigError(
                    expected, f"a {type(view).__name__} in row {number}", "give View objects"
                )
