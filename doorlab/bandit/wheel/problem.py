"""The wheel bandit, on which bandit algorithms are calibrated against published figures.

Riquelme et al. 2018, "Deep Bayesian bandits showdown", section 5.4. A context is a point of the
unit disc. Arm 0 always pays 1.2 on average. The other four pay 1, but each has a quarter of the
disc's rim (beyond the radius delta) where it pays 50; the closer delta is to 1, the rarer the rim,
and the more exploring it takes to find out. Every reward has a standard deviation of 0.01.

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
    """Uniform in the unit disc."""
    radius, angle = np.sqrt(rng.random(number)), rng.uniform(-np.pi, np.pi, number)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def mean_rewards(
    contexts: Float64[np.ndarray, "*B 2"], delta: float | np.ndarray
) -> Float64[np.ndarray, "*B 5"]:
    """What every arm pays on average.

    Args:
        contexts: in the unit disc.
        delta: inner radius of the rim, in [0, 1]; an array that broadcasts over *B, or one number.

    Raises:
        ConfigError: for a delta that is no radius.
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
    """What every arm pays less than the best, on average."""
    return rewards.max(axis=-1, keepdims=True) - rewards
