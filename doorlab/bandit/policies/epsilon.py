"""Epsilon-greedy: a random action with probability epsilon, otherwise that of another policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from doorlab.bandit.checkpoint import Stateful
from doorlab.bandit.policy import History, Policy
from doorlab.doors import ACTION_DIM
from doorlab.limits import Share, check_limits


@dataclass(frozen=True)
class EpsilonConfig:
    """Probability of random actions. Raises ConfigError for an epsilon outside of [0, 1]."""

    epsilon: Share = 0.1
    """Probability of a random action, in [0, 1]."""

    def __post_init__(self) -> None:
        check_limits(self, "")


class EpsilonGreedyPolicy(Stateful):
    """Adds random exploration to any policy."""

    state_fields = ("_rng", "_greedy")

    def __init__(self, greedy: Policy, config: EpsilonConfig | None = None) -> None:
        self._greedy, self._config = greedy, config or EpsilonConfig()

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Starts the other policy, with the same random numbers as it would have alone."""
        (self._rng,) = rng.spawn(1)
        self._greedy.begin(frames, rng)

    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The other policy's action on every door, or a random one with probability epsilon."""
        chosen = self._greedy.act(history)
        doors = len(chosen)
        random = self._rng.random(doors) < self._config.epsilon
        uniform = self._rng.uniform(-1.0, 1.0, (doors, ACTION_DIM)).astype(np.float32)
        return np.where(random[:, None], uniform, chosen)
