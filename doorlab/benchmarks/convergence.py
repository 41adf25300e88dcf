"""Convergence with the time step: rewards compared with those of a step 64 times smaller."""

from __future__ import annotations

import numpy as np

from doorlab.benchmarks.simulation import sample_doors
from doorlab.data.sources.simulation import GenerationConfig, passive_actions
from doorlab.doors import Door
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.sim import make_simulator

_DOORS, _INTERACTIONS = 60, 16
_STEPS_PER_SECOND = (15, 20, 30, 60, 120)
_FINEST = 1920  # steps per second


def study(rounds: int) -> dict[str, Estimate]:
    """Mean absolute error of the reward over doors and plausible actions, by steps per second.

    Ignores `rounds`, because the result does not depend on timing.
    """
    make_simulator("pybullet").close()  # raises an error for users if PyBullet is missing
    doors = sample_doors(_DOORS)
    config = GenerationConfig(interactions=_INTERACTIONS, prior="default")
    actions = np.stack([passive_actions(config, i) for i in range(_DOORS)])
    truth = _rewards(doors, actions, _FINEST)
    figures = {}
    for rate in _STEPS_PER_SECOND:
        error = np.abs(_rewards(doors, actions, rate) - truth)
        figures[f"reward_error_{rate}_hz"] = bootstrap_mean(error.mean(axis=1))
        figures[f"reward_within_0.01_{rate}_hz"] = bootstrap_mean((error < 0.01).mean(axis=1))
    return figures


def _rewards(doors: list[Door], actions: np.ndarray, rate: int) -> np.ndarray:
    from doorlab.sim.pybullet.simulator import PyBulletSimulator

    simulator = PyBulletSimulator(time_step=1 / rate)
    rewards = simulator.interact(doors, actions).rewards
    simulator.close()
    return rewards
