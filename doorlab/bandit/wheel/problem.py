"""The wheel bandit, used to calibrate bandit algorithms against published results.

Riquelme et al. 2018, "Deep Bayesian bandits showdown", section 5.4. A context is a point of the
unit disc. Arm 0 always has a mean reward of 1.2. The other four have 1, except in one quarter of
the disc's rim (beyond the radius delta), where they have 50. The closer delta is to 1, the rarer
the rim is, and the more exploration is needed. Every reward has a standard deviation of 0.01.

Legend: *B any axes, 2 coordinates of a context, 5 arms.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from doorlab.errors import ConfigError

ARMS = 5
SAFE, OTHER, LARGE = 1.2, 1.0, 50.0
NOISE = 0.01


def sample_contexts(number: int, rng: np.random.Generator) -> Float64[np.ndarray, "N 2"]:
    """Uniform random points in the unit disc."""
    radius, angle = np.sqrt(rng.random(number)), rng.uniform(-np.pi, np.pi, number)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def mean_rewards(
    contexts: Float64[np.ndarray, "*B 2"], delta: float | np.ndarray
) -> Float64[np.ndarray, "*B 5"]:
    """Mean rewards of all arms.

    Args:
        contexts: points in the unit disc.
        delta: inner radius of the rim, in [0, 1]; a number, or an array that broadcasts over *B.

    Raises:
        ConfigError: for a delta outside of [0, 1].
    """
    if np.any((np.asarray(delta) < 0) | (np.asarray(delta) > 1)):
        raise ConfigError("delta from 0 to 1", f"{delta}", "correct it")
    rewards = np.full((*contexts.shape[:-1], ARMS), OTHER)
    rewards[..., 0] = SAFE
    rim = np.linalg.norm(contexts, axis=-1) > delta
    # Arms 1 to 4: right above, right below, left above, left below.
    quarter = 1 + 2 * (contexts[..., 0] <= 0) + (contexts[..., 1] <= 0)
    large = rim[..., None] & (np.arange(ARMS) == quarter[..., None])
    return np.where(large, LARGE, rewards)


def regrets(rewards: Float64[np.ndarray, "*B 5"]) -> Float64[np.ndarray, "*B 5"]:
    """Mean reward of the best arm minus that of every arm."""
    return rewards.max(axis=-1, keepdims=True) - rewards
