"""Rewards of the oracle, which knows the true parameters, in simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from doorlab.doors.action import oracle_action
from doorlab.doors.door import Door
from doorlab.sim.simulator import Simulator


def optimal_rewards(simulator: Simulator, doors: Sequence[Door]) -> np.ndarray:
    """float32 (D,): reward of the oracle's action on each door, by simulation."""
    actions = np.stack([oracle_action(door) for door in doors])
    return simulator.interact(doors, actions[:, None]).rewards[:, 0]
