"""Recorded interactions of policies for the page, from rollouts.npz of `doorlab bandit`.

Legend: D doors, T interactions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from doorlab.doors.action import checked_actions
from doorlab.errors import ConfigError, ResultError
from doorlab.explorer.slices import action_words
from doorlab.plots.style import sort_models, style_of
from doorlab.run_layout import ROLLOUTS_FILE
from doorlab.storage.files import read_arrays

_REMEDY = "run `doorlab bandit` again"


def recorded_doors(regret: Path | None) -> np.ndarray:
    """Indices of the doors in the rollouts beside regret.json; empty without them."""
    if regret is None or not (regret.parent / ROLLOUTS_FILE).is_file():
        return np.zeros(0, np.int64)
    doors = read_arrays(regret.parent / ROLLOUTS_FILE, ["doors"])["doors"]
    if doors.ndim != 1 or doors.dtype.kind not in "iu":
        raise ResultError(
            f"a list of door indices in {regret.parent / ROLLOUTS_FILE}",
            f"an array of {doors.dtype} with shape {doors.shape}",
            _REMEDY,
        )
    return doors.astype(np.int64)


def recorded_policies(regret: Path | None, indices: np.ndarray) -> list[dict[str, Any]]:
    """Policies with their interactions per door; None for doors without any.

    For a policy with several training seeds, the interactions of the first seed.

    Raises ResultError for arrays of wrong shape or with values out of range.
    """
    doors = recorded_doors(regret)
    if regret is None or not len(doors):
        return []
    path = regret.parent / ROLLOUTS_FILE
    arrays = read_arrays(path)
    names = [key.removesuffix("/actions") for key in arrays if key.endswith("/actions")]
    rows = {int(door): row for row, door in enumerate(doors)}
    policies = []
    for name in sort_models(names):
        actions, rewards = _checked(arrays, name, len(doors), path)
        steps = [
            _steps(actions[rows[door]], rewards[rows[door]]) if door in rows else None
            for door in indices.tolist()
        ]
        policies.append({"name": name, "label": style_of(name).label, "doors": steps})
    return policies


def _checked(
    arrays: dict[str, np.ndarray], name: str, doors: int, path: Path
) -> tuple[np.ndarray, np.ndarray]:
    actions, rewards = arrays[f"{name}/actions"], arrays.get(f"{name}/rewards")
    if actions.ndim == 4:  # several training seeds
        actions = actions[0]
        rewards = rewards[0] if rewards is not None and rewards.ndim == 3 else rewards
    expected = f"actions and rewards of {name} on {doors} doors in {path}"
    if rewards is None or rewards.shape != actions.shape[:2] or len(actions) != doors:
        got = "no rewards" if rewards is None else f"shapes {actions.shape} and {rewards.shape}"
        raise ResultError(expected, got, _REMEDY)
    try:
        actions = checked_actions(actions, (doors, "interactions"))
    except ConfigError as error:
        raise ResultError(expected, error.got, _REMEDY) from None
    if rewards.dtype.kind != "f" or not ((rewards >= 0) & (rewards <= 1)).all():
        raise ResultError(expected, "rewards that are no numbers from 0 to 1", _REMEDY)
    return actions, rewards


def _steps(actions: np.ndarray, rewards: np.ndarray) -> list[dict[str, Any]]:
    return [
        {
            "action": action.astype(float).round(5).tolist(),
            "reward": round(float(reward), 4),
            "words": action_words(action),
        }
        for action, reward in zip(actions, rewards, strict=True)
    ]
