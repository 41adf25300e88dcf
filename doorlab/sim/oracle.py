"""The oracle: what the true parameters obtain in simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from doorlab.doors.action import oracle_action
from doorlab.doors.door import Door
from doorlab.sim.simulator import Simulator


def optimal_rewards(simulator: Simulator, doors: Sequence[Door]) -> np.ndarray:
    """float32 (D,): the reward that the oracle's action obtains on each door, by trying it."""
    actions = np.stack([oracle_action(door) for door in doors])
    return simulator.interact(doors, actions[:, None]).rewards[:, 0]
