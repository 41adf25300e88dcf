"""Checks of the arguments, options, seeds and actions that callers pass to the environments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from doorlab.data.config import FrameCount, ImageSize
from doorlab.data.schema import SPLITS
from doorlab.doors.action import checked_actions
from doorlab.doors.priors import DEFAULT_PRIOR, get_prior
from doorlab.errors import ConfigError, unknown_name
from doorlab.limits import SEED, PositiveInt, at_least, check_limits
from doorlab.sim import AUTO, SIMULATORS

RENDER_MODES = ("rgb_array", "rgb_array_list")
OPTIONS = ("door",)  # of `reset`


@dataclass(frozen=True)
class Arguments:
    """Arguments of an environment; see `DoorBanditEnv`. Raises ConfigError for invalid values."""

    frames: FrameCount = 8
    image_size: ImageSize = 64
    horizon: PositiveInt = 10
    prior: str = DEFAULT_PRIOR
    simulator: str = AUTO
    doors_from: str | Path | None = None
    split: str = "test"
    render_mode: str | None = None

    def __post_init__(self) -> None:
        check_limits(self, "")
        get_prior(self.prior)
        SIMULATORS.get_named(self.simulator)
        if not isinstance(self.split, str) or self.split not in SPLITS:
            raise unknown_name("split", self.split, SPLITS)
        if self.render_mode not in (None, *RENDER_MODES):
            raise ConfigError(
                f"render_mode None or {', '.join(RENDER_MODES)}", repr(self.render_mode), "use one"
            )
        if not isinstance(self.doors_from, str | os.PathLike | None):
            raise ConfigError(
                "doors_from as the folder of a dataset", repr(self.doors_from), "give its path"
            )


def chosen_doors(options: Any, count: int, batched: bool = False) -> list[int] | None:
    """The keys of the doors in the options of `reset`; None without keys.

    Args:
        options: options of `reset`.
        count: number of doors.
        batched: whether a list with one key per door is allowed.

    Raises ConfigError for unknown options and invalid keys.
    """
    if options is None:
        return None
    if not isinstance(options, Mapping):
        raise ConfigError('options as {"door": key}', repr(options), "give a dictionary, or None")
    for name in options:
        if name not in OPTIONS:
            raise unknown_name("option of reset", name, OPTIONS)
    if "door" not in options:
        return None
    keys = options["door"]
    if not (batched and isinstance(keys, Sequence | np.ndarray) and not isinstance(keys, str)):
        return [_checked_key(keys)] * count
    if np.ndim(keys) == 0:
        return [_checked_key(np.asarray(keys).item())] * count
    return [_checked_key(key) for key in one_each("doors", keys, count)]


def in_space(actions: Any, space: gymnasium.Space[Any]) -> np.ndarray:
    """The actions as an array in the action space, with the dtype of the space.

    Accepts the arrays for which `space.contains` is true.

    Raises ConfigError for another shape, a dtype that cannot be cast safely (float64, int64), NaN,
    and numbers outside of the box.
    """
    assert isinstance(space, spaces.Box)  # that of both environments
    array = checked_actions(actions, space.shape[:-1], rounding=0.0)
    given = np.asarray(actions).dtype
    if not np.can_cast(given, space.dtype):
        noun = "an action" if len(space.shape) == 1 else "actions"
        raise ConfigError(
            f"{noun} of {space.dtype}, the dtype of the action space",
            f"an array of {given}",
            f"pass numpy.asarray(action, numpy.{space.dtype})",
        )
    return array.astype(space.dtype)


def one_each(what: str, values: Sequence[Any] | np.ndarray, count: int) -> list[Any]:
    """The values as a list. Raises ConfigError unless there are `count` values."""
    if len(values) != count:
        raise ConfigError(f"{count} {what}", f"{len(values)}", "give one for each environment")
    return list(values)


def checked_limit(steps: Any) -> int | None:
    """The `max_episode_steps` of `gymnasium.make_vec`; None for None and -1, which set no limit.

    Raises ConfigError for other numbers below 1.
    """
    if steps is None or steps == -1:
        return None
    if not at_least(1).admits(steps):
        raise ConfigError(
            f"max_episode_steps as {at_least(1)}", repr(steps), "correct max_episode_steps"
        )
    return int(steps)


def checked_seed(seed: Any) -> int:
    """The seed as an int. Raises ConfigError for an invalid seed."""
    if not SEED.admits(seed):
        raise ConfigError(f"a seed as {SEED}", repr(seed), "correct it")
    return int(seed)


def seeds_of(seed: Any, count: int) -> list[int | None]:
    """One seed per environment: s, s + 1, ... for a number s; None keeps the random generators.

    Raises ConfigError for invalid seeds.
    """
    if seed is None:
        return [None] * count
    if isinstance(seed, Sequence | np.ndarray) and not isinstance(seed, str):
        return [
            None if one is None else checked_seed(one) for one in one_each("seeds", seed, count)
        ]
    first = checked_seed(seed)
    return [first + number for number in range(count)]


def _checked_key(key: Any) -> int:
    if not SEED.admits(key):
        raise ConfigError(
            f'the option "door" as {SEED}',
            repr(key),
            'give info["door"] of an earlier reset, or another number',
        )
    return int(key)
