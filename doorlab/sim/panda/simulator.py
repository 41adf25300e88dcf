"""Simulator in which a Franka Panda moves the handle, instead of a free-floating hand."""

from __future__ import annotations

import numpy as np

from doorlab.doors.action import Action
from doorlab.doors.door import Door
from doorlab.sim.panda.arms import Arms, ArmTrials
from doorlab.sim.panda.kinematics import SECONDS
from doorlab.sim.pybullet.simulator import PyBulletSimulator

# Compared with a quarter of this step, rewards of 240 interactions change by 0.001 on average and
# by at most 0.07 (where a grip is about to slip); with 1/120 s by 0.002 and 0.18.
TIME_STEP = 1 / 240  # s

_LANES = 16


class PandaSimulator(PyBulletSimulator):
    """Renders doors like `PyBulletSimulator`, and simulates interactions by an arm."""

    name = "panda"
    _seconds = SECONDS
    _most_trials = 512

    def __init__(self, time_step: float = TIME_STEP) -> None:
        super().__init__(time_step)
        self._arms: dict[int, Arms] = {}

    def close(self) -> None:
        """Frees the engine. Repeated calls have no effect."""
        super().close()
        for arms in self._arms.values():
            arms.close()
        self._arms.clear()

    def _run_group(
        self, doors: list[Door], actions: np.ndarray, slides: bool, record: bool
    ) -> ArmTrials:
        lanes = 1 if len(doors) == 1 else _LANES
        if lanes not in self._arms:
            self._arms[lanes] = Arms(lanes, self._time_step)
        wanted = [Action.from_normalized(a) for a in actions]
        trials = ArmTrials(doors, wanted, self._time_step, record, self._arms[lanes])
        trials.run(self._rack(lanes, slides))
        return trials
