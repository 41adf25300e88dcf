"""Regret and other figures of rollouts, with 95 % intervals over doors and training seeds.

Doors are the independent units: the tries on one door belong together and are resampled as one.
Where a policy was trained with several seeds, all of them meet the same doors, and seeds and doors
are both drawn anew (`doorlab.intervals.bootstrap_crossed`).

Legend: S training seeds, D doors, T interactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64

from doorlab.bandit.rollout import Rollout
from doorlab.errors import ConfigError
from doorlab.intervals import Estimate, bootstrap_crossed, crossed_difference

OPEN = 0.9  # share of the optimal reward at which a door counts as open
OPENABLE = 0.05  # an optimal reward below this: nobody can open the door


@dataclass(frozen=True)
class SeededRollouts:
    """What came of one policy, trained with several seeds, on the same doors."""

    seeds: tuple[int, ...]
    """Training seeds; (0,) for a policy that is not trained."""
    actions: Float32[np.ndarray, "S D T 4"]
    rewards: Float32[np.ndarray, "S D T"]
    regrets: Float64[np.ndarray, "S D T"]
    slipped: Bool[np.ndarray, "S D T"]

    @property
    def optimal(self) -> Float[np.ndarray, " D"]:
        """What the oracle obtained on every door."""
        return (self.rewards + self.regrets)[0, :, 0]


def merge(rollouts: Mapping[int, Rollout]) -> SeededRollouts:
    """The rollouts of one policy, by training seed, as one.

    Raises:
        ConfigError: for none, and for rollouts of other doors or other numbers of tries.
    """
    if not rollouts:
        raise ConfigError("rollouts to merge", "none", "give at least one")
    parts = list(rollouts.values())
    shapes = {part.rewards.shape for part in parts}
    optimal = [(part.rewards + part.regrets)[:, 0] for part in parts]
    if len(shapes) > 1 or not all(np.allclose(o, optimal[0], atol=1e-5) for o in optimal):
        raise ConfigError(
            "rollouts on the same doors, with as many tries",
            f"others, {len(shapes)} shapes among them",
            "evaluate all seeds in one run",
        )
    names = ("actions", "rewards", "regrets", "slipped")
    return SeededRollouts(
        tuple(rollouts), **{n: np.stack([getattr(p, n) for p in parts]) for n in names}
    )


def summarize(found: Rollout | SeededRollouts, seed: int = 0) -> dict[str, Any]:
    """A policy's entry in `regret.json`: estimates, and curves over interactions.

    Curves are lists with one number per interaction; their bands, `[low, high]` each, stand
    beside them under `..._ci95`. Tries until a door is open count one more than there were for
    doors that stayed shut; doors that nobody can open are left out of that.
    """
    runs = _runs(found)
    regrets, rewards = runs.regrets, runs.rewards
    opened, tries = opened_by(runs), steps_to_open(runs)
    return {
        "seeds": len(runs.seeds),
        "mean_regret": bootstrap_crossed(regrets.mean(axis=2), seed=seed).to_json(),
        "first_reward": bootstrap_crossed(rewards[..., 0], seed=seed).to_json(),
        "last_reward": bootstrap_crossed(rewards[..., -1], seed=seed).to_json(),
        "steps_to_open": bootstrap_crossed(tries, seed=seed).to_json(),
        **curve("regret_per_interaction", regrets, seed),
        **curve("cumulative_regret", np.cumsum(regrets, axis=2), seed),
        **curve("opened_by", opened, seed),
    }


def paired_differences(
    found: Mapping[str, Rollout] | Mapping[str, SeededRollouts], seed: int = 0
) -> dict[str, dict[str, dict[str, Any]]]:
    """`[a][b]`: mean regret of a minus that of b on the same doors, for every pair of policies.

    Training seeds are paired, too, where both policies have the same.
    """
    runs = {name: _runs(one) for name, one in found.items()}
    return {
        a: {b: _difference(runs[a], runs[b], seed).to_json() for b in runs if b != a} for a in runs
    }


def opened_by(found: Rollout | SeededRollouts) -> Float[np.ndarray, "S D T"]:
    """1 from the try on that opened the door, 0 before; of doors that can be opened."""
    runs = _runs(found)
    reached = runs.rewards >= OPEN * runs.optimal[:, None]
    can = runs.optimal > OPENABLE
    can = can if can.any() else ~can  # doors that are all locked are as open as they get
    return np.maximum.accumulate(reached[:, can], axis=2).astype(np.float64)


def steps_to_open(found: Rollout | SeededRollouts) -> Float[np.ndarray, "S D"]:
    """Tries until the door was open (T + 1 if it stayed shut), of doors that can be opened."""
    shut = 1.0 - opened_by(found)
    return 1.0 + shut.sum(axis=2)


def curve(name: str, values: Float[np.ndarray, "S D T"], seed: int = 0) -> dict[str, Any]:
    """The mean at every interaction as `name`, and its band as `name`_ci95."""
    found = [bootstrap_crossed(values[..., t], seed=seed) for t in range(values.shape[2])]
    return {name: [e.mean for e in found], f"{name}_ci95": [list(e.ci95) for e in found]}


def regret_by_group(
    found: Rollout | SeededRollouts, groups: Mapping[str, Bool[np.ndarray, " D"]], seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Regret per interaction on every group of doors, and the number of doors; no empty ones."""
    runs = _runs(found)
    return {
        name: {
            "doors": int(members.sum()),
            **curve("regret_per_interaction", runs.regrets[:, members], seed),
        }
        for name, members in groups.items()
        if members.any()
    }


def _runs(found: Rollout | SeededRollouts) -> SeededRollouts:
    return found if isinstance(found, SeededRollouts) else merge({0: found})


def _difference(a: SeededRollouts, b: SeededRollouts, seed: int) -> Estimate:
    x, y = a.regrets.mean(axis=2), b.regrets.mean(axis=2)
    # One run beside many is no sample of runs: it is the same for all of the others.
    if a.seeds == b.seeds or 1 in (len(x), len(y)):
        return bootstrap_crossed(x - y, seed=seed)
    return crossed_difference(x, y, seed=seed)
