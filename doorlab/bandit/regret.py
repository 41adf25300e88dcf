"""Regret and other figures of rollouts, with 95 % intervals from a bootstrap over doors.

Doors are the independent units: the tries on one door belong together and are resampled as one.

Legend: D doors, T interactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from doorlab.bandit.loop import Rollout
from doorlab.intervals import Estimate, bootstrap_mean, paired_difference

OPEN = 0.9  # share of the optimal reward at which a door counts as open


def summarise(rollout: Rollout, seed: int = 0) -> dict[str, Any]:
    """A policy's entry in `regret.json`: estimates, and curves over interactions.

    Curves are lists with one number per interaction; their bands, `[low, high]` each, stand
    beside them under `..._ci95`.
    """
    per_try = _curve(rollout.regrets, seed)
    cumulative = _curve(np.cumsum(rollout.regrets, axis=1), seed)
    opened = _curve(_opened(rollout), seed)
    return {
        "mean_regret": bootstrap_mean(rollout.regrets, seed=seed).to_json(),
        "first_reward": bootstrap_mean(rollout.rewards[:, 0], seed=seed).to_json(),
        "last_reward": bootstrap_mean(rollout.rewards[:, -1], seed=seed).to_json(),
        **_columns("regret_per_interaction", per_try),
        **_columns("cumulative_regret", cumulative),
        **_columns("opened_by", opened),
    }


def paired_differences(
    rollouts: Mapping[str, Rollout], seed: int = 0
) -> dict[str, dict[str, dict[str, Any]]]:
    """`[a][b]`: mean regret of a minus that of b on the same doors, for every pair of policies."""
    names = list(rollouts)
    return {
        a: {
            b: paired_difference(rollouts[a].regrets, rollouts[b].regrets, seed=seed).to_json()
            for b in names
            if b != a
        }
        for a in names
    }


def _opened(rollout: Rollout) -> Float[np.ndarray, "D T"]:
    """1 from the try on that opened the door, 0 before."""
    optimal = rollout.rewards + rollout.regrets
    return np.maximum.accumulate(rollout.rewards >= OPEN * optimal, axis=1).astype(np.float64)


def _curve(values: Float[np.ndarray, "D T"], seed: int) -> list[Estimate]:
    return [bootstrap_mean(values[:, t], seed=seed) for t in range(values.shape[1])]


def _columns(name: str, curve: list[Estimate]) -> dict[str, Any]:
    return {name: [e.mean for e in curve], f"{name}_ci95": [list(e.ci95) for e in curve]}
