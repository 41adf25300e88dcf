"""Regret and other metrics of rollouts, with 95 % intervals over doors and training seeds.

The regret of an interaction is the reward that the oracle obtains on the door minus the reward of
the action. The environment computes it at every step (`doorlab_envs.core`).

Doors are the independent units: the interactions with one door are resampled together. All training
seeds of a policy are evaluated on the same doors; the bootstrap resamples both seeds and doors
(`doorlab.intervals.bootstrap_crossed`).

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

OPEN = 0.9  # share of the optimal reward from which a door counts as open
OPENABLE = 0.05  # doors with a lower optimal reward can't be opened


@dataclass(frozen=True)
class SeededRollouts:
    """Rollouts of one policy, trained with several seeds, on the same doors."""

    seeds: tuple[int, ...]
    """Training seeds; (0,) for a policy that is not trained."""
    actions: Float32[np.ndarray, "S D T 4"]
    rewards: Float32[np.ndarray, "S D T"]
    regrets: Float64[np.ndarray, "S D T"]
    slipped: Bool[np.ndarray, "S D T"]

    @property
    def optimal(self) -> Float[np.ndarray, " D"]:
        """Optimal reward of each door."""
        return (self.rewards + self.regrets)[0, :, 0]


def merge(rollouts: Mapping[int, Rollout]) -> SeededRollouts:
    """Stacks the rollouts of one policy: training seed -> rollout.

    Raises:
        ConfigError: if there are no rollouts, or if they differ in doors or numbers of
            interactions.
    """
    if not rollouts:
        raise ConfigError("rollouts to merge", "none", "give at least one")
    parts = list(rollouts.values())
    shapes = {part.rewards.shape for part in parts}
    optimal = [(part.rewards + part.regrets)[:, 0] for part in parts]
    if len(shapes) > 1 or not all(np.allclose(o, optimal[0], atol=1e-5) for o in optimal):
        raise ConfigError(
            "rollouts on the same doors, with the same number of interactions",
            f"different rollouts, of {len(shapes)} shapes",
            "evaluate all seeds in one run",
        )
    names = ("actions", "rewards", "regrets", "slipped")
    return SeededRollouts(
        tuple(rollouts), **{n: np.stack([getattr(p, n) for p in parts]) for n in names}
    )


def summarize(rollouts: Rollout | SeededRollouts, seed: int = 0) -> dict[str, Any]:
    """The entry of a policy in `regret.json`: estimates, and curves over interactions.

    A curve is a list with one number per interaction; the entry `..._ci95` holds its intervals,
    `[low, high]` each. `steps_to_open` is T + 1 for doors that stay closed; doors that can't be
    opened are left out of `steps_to_open` and `opened_by`.
    """
    runs = _runs(rollouts)
    regrets, rewards = runs.regrets, runs.rewards
    opened, steps = opened_by(runs), steps_to_open(runs)
    return {
        "seeds": len(runs.seeds),
        "mean_regret": bootstrap_crossed(regrets.mean(axis=2), seed=seed).to_json(),
        "first_reward": bootstrap_crossed(rewards[..., 0], seed=seed).to_json(),
        "last_reward": bootstrap_crossed(rewards[..., -1], seed=seed).to_json(),
        "steps_to_open": bootstrap_crossed(steps, seed=seed).to_json(),
        **curve("regret_per_interaction", regrets, seed),
        **curve("cumulative_regret", np.cumsum(regrets, axis=2), seed),
        **curve("opened_by", opened, seed),
    }


def paired_differences(
    rollouts: Mapping[str, Rollout] | Mapping[str, SeededRollouts], seed: int = 0
) -> dict[str, dict[str, dict[str, Any]]]:
    """`[a][b]`: mean regret of a minus mean regret of b, for every pair of policies.

    Differences are paired by door, and by training seed if both policies have the same seeds.
    """
    runs = {name: _runs(one) for name, one in rollouts.items()}
    return {
        a: {b: _difference(runs[a], runs[b], seed).to_json() for b in runs if b != a} for a in runs
    }


def opened_by(rollouts: Rollout | SeededRollouts) -> Float[np.ndarray, "S D T"]:
    """Whether a door was opened by an interaction or an earlier one: 0 or 1.

    Doors that can't be opened are left out, unless no door can be opened.
    """
    runs = _runs(rollouts)
    reached = runs.rewards >= OPEN * runs.optimal[:, None]
    can = runs.optimal > OPENABLE
    can = can if can.any() else ~can  # if no door can be opened, count all of them
    return np.maximum.accumulate(reached[:, can], axis=2).astype(np.float64)


def steps_to_open(rollouts: Rollout | SeededRollouts) -> Float[np.ndarray, "S D"]:
    """Number of interactions until a door is open; T + 1 if it stays closed.

    Doors that can't be opened are left out, as in `opened_by`.
    """
    closed = 1.0 - opened_by(rollouts)
    return 1.0 + closed.sum(axis=2)


def curve(name: str, values: Float[np.ndarray, "S D T"], seed: int = 0) -> dict[str, Any]:
    """The mean at every interaction under `name`, and its intervals under `name`_ci95."""
    estimates = [bootstrap_crossed(values[..., t], seed=seed) for t in range(values.shape[2])]
    return {name: [e.mean for e in estimates], f"{name}_ci95": [list(e.ci95) for e in estimates]}


def regret_by_group(
    rollouts: Rollout | SeededRollouts, groups: Mapping[str, Bool[np.ndarray, " D"]], seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Regret per interaction and number of doors of each group; empty groups are left out."""
    runs = _runs(rollouts)
    return {
        name: {
            "doors": int(members.sum()),
            **curve("regret_per_interaction", runs.regrets[:, members], seed),
        }
        for name, members in groups.items()
        if members.any()
    }


def _runs(rollouts: Rollout | SeededRollouts) -> SeededRollouts:
    return rollouts if isinstance(rollouts, SeededRollouts) else merge({0: rollouts})


def _difference(a: SeededRollouts, b: SeededRollouts, seed: int) -> Estimate:
    x, y = a.regrets.mean(axis=2), b.regrets.mean(axis=2)
    # A single run is compared with each of the other runs: it is no sample of seeds.
    if a.seeds == b.seeds or 1 in (len(x), len(y)):
        return bootstrap_crossed(x - y, seed=seed)
    return crossed_difference(x, y, seed=seed)
