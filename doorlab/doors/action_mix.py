"""Distributions of the actions of datasets: uniform, or plausible for doors."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from doorlab.doors.action import ACTION_DIM, normalized_radius

ActionMix = Literal["uniform", "plausible"]

_PLAUSIBLE_SHARE = 4  # one in this many actions stays uniform
_LEVEL_SPREAD = 0.06  # std of phi about the horizontal, normalized
_DOOR_RADII = (0.5, 1.1)  # m, range of the assumed hinge distance of plausible actions


def sample_actions(
    rng: np.random.Generator, shape: tuple[int, ...], mix: ActionMix, sliding_probability: float
) -> np.ndarray:
    """Samples actions, float32 (*shape, 4), in Box(-1, 1), independent of the door.

    With the mix `plausible`, three in four actions along the last axis assume a hinge on the left
    or right, about the width of a door away, with a wide swing and a turned handle. A share of them
    assumes a slide: the prior's share of sliding doors. High rewards are then common, whereas they
    are rare with uniform actions.
    """
    actions = rng.uniform(-1.0, 1.0, (*shape, ACTION_DIM))
    if mix == "plausible":
        phi = rng.integers(0, 2, shape) + rng.normal(0.0, _LEVEL_SPREAD, shape)
        low, high = (normalized_radius(radius) for radius in _DOOR_RADII)
        slides = rng.random(shape) < sliding_probability
        radius = np.where(slides, normalized_radius(math.inf), rng.uniform(low, high, shape))
        swing = rng.choice([-1.0, 1.0], shape) * rng.uniform(0.6, 1.0, shape)
        turn = rng.choice([-1.0, 1.0], shape) * rng.uniform(0.3, 1.0, shape)
        plausible = np.stack([(phi + 1.0) % 2.0 - 1.0, radius, swing, turn], axis=-1)
        guessed = np.arange(shape[-1]) % _PLAUSIBLE_SHARE > 0
        actions[..., guessed, :] = plausible[..., guessed, :]
    return actions.astype(np.float32)
