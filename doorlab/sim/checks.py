"""Input checks that all simulators share; they run before any computation.

Shapes: D doors, M frames per door, J interactions per door.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from doorlab.doors.action import checked_actions
from doorlab.doors.camera import View
from doorlab.doors.door import Door
from doorlab.errors import ConfigError

_LARGEST_IMAGE = 8192  # pixels per side
_GIVE = 0.05  # rad or m: joint stops are soft, so trajectories overshoot by up to 0.02 at both ends


def check_render(doors: Any, joint_positions: Any, views: Any, image_size: Any) -> np.ndarray:
    """Checks the arguments of `Simulator.render`.

    Returns:
        The joint positions as an array (D, M).

    Raises:
        ConfigError: if an item is not a door; if joint positions or views are not one row per
            door with M columns each; if joint positions are not finite or beyond a door's limits;
            if the image size is invalid.
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
    """Checks the arguments of `Simulator.interact`; returns the actions as an array (D, J, 4).

    Raises ConfigError if an item is not a door, if the shape of the actions does not match the
    doors, or if actions are outside of Box(-1, 1).
    """
    _check_doors(doors)
    return checked_actions(actions, (len(doors), "interactions"))


def _check_doors(doors: Any) -> None:
    if isinstance(doors, Door) or not isinstance(doors, Sequence):
        raise ConfigError("a sequence of doors", f"a {type(doors).__name__}", "pass [door]")
    for number, door in enumerate(doors):
        if not isinstance(door, Door):
            raise ConfigError(
                "a sequence of doors", f"a {type(door).__name__} at {number}", "pass Door objects"
            )


def _joint_positions(doors: Sequence[Door], joint_positions: Any) -> np.ndarray:
    try:
        positions = np.asarray(joint_positions)
    except ValueError:  # rows of different lengths
        positions = np.empty(0, dtype=object)
    expected = f"joint positions as numbers of shape ({len(doors)}, frames)"
    fix = "pass one row per door, all of the same length"
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
            "pass them in rad (for a sliding door, in m)",
        )
    return positions


def _check_views(views: Any, shape: tuple[int, ...]) -> None:
    expected = f"{shape[0]} rows of {shape[1]} views, one per joint position"
    if isinstance(views, View) or not isinstance(views, Sequence):
        raise ConfigError(expected, f"a {type(views).__name__}", "pass one row per door")
    if len(views) != shape[0]:
        raise ConfigError(expected, f"{len(views)} rows", "pass one row per door")
    for number, row in enumerate(views):
        if isinstance(row, View) or not isinstance(row, Sequence):
            raise ConfigError(expected, f"a {type(row).__name__} at {number}", "pass rows of views")
        if len(row) != shape[1]:
            raise ConfigError(
                expected, f"{len(row)} views in row {number}", "pass one view per joint position"
            )
        for view in row:
            if not isinstance(view, View):
                raise ConfigError(
                    expected, f"a {type(view).__name__} in row {number}", "pass View objects"
                )
