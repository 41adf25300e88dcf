"""Interactions: the hand turns the handle, then goes its way until the end or a slip.

Legend: N interactions, L lanes of a rack, T control steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from doorlab.doors.action import Action
from doorlab.doors.door import Door
from doorlab.sim.grip import (
    LATCH_PLAY,
    SLIP_DISTANCE,
    STICKING_REACH,
    Handles,
    grip_force,
    hand_paths,
    opens_latch,
)
from doorlab.sim.pybullet.rack import Rack


class Trials:
    """N interactions with doors of one mechanism, tried in the lanes of a rack.

    A lane whose interaction is over takes the next one; lanes that have none left stand still.

    Attributes after `run`:
        ends: float64 (N,), joint positions at the end, rad or m.
        slipped: bool (N,).
        steps: int32 (N,), taken until the end or the slip.
        courses: float32 (N, T), joint positions after every step, held after the end; or None.
    """

    def __init__(
        self, doors: Sequence[Door], actions: Sequence[Action], time_step: float, record: bool
    ) -> None:
        self._doors, self._actions, self._time_step = doors, actions, time_step
        positions, velocities = hand_paths(actions, time_step)
        self._path = np.concatenate([positions, velocities], axis=2)
        self._handles = Handles.of(doors)
        self._closer = np.array([d.closer_stiffness for d in doors])
        shape = self._path.shape[:2]
        self.ends, self.slipped = np.zeros(shape[0]), np.zeros(shape[0], bool)
        self.steps = np.zeros(shape[0], np.int32)
        self.courses = np.zeros(shape, np.float32) if record else None

    def run(self, rack: Rack) -> None:
        """Tries everything."""
        lanes, steps = _Lanes(rack.lanes), self._path.shape[1]
        waiting = iter(range(len(self.ends)))
        self._refill(rack, lanes, np.arange(rack.lanes), waiting)
        while lanes.busy.any():
            trial, done, busy = lanes.trial, lanes.done, lanes.busy
            hand = self._path[trial, done].T
            handles = self._handles.take(trial)
            # Forces are those in the middle of the step: what is left of the error is of second
            # order in the time step.
            q = rack.q + rack.q_rate * (self._time_step / 2)
            force, lag = grip_force(handles, q, rack.q_rate, hand[:3], hand[3:])
            force -= self._closer[trial] * q
            idle = ~busy
            lost = busy & (lag > SLIP_DISTANCE)
            if lost.any():
                self.slipped[trial[lost]] = True
                share = (SLIP_DISTANCE - lanes.lag) / np.maximum(lag - lanes.lag, 1e-12)
                self._finish(lanes, lanes.q + share * (q - lanes.q), lost)
                self._refill(rack, lanes, np.flatnonzero(lost), waiting)
                idle |= lost  # what was put in just now begins with the next step
            lanes.q, lanes.lag = np.where(idle, 0.0, q), np.where(idle, 0.0, lag)
            force[idle] = 0.0
            rack.step(force.tolist(), lanes.busy.tolist())
            done += ~idle
            if self.courses is not None:
                self.courses[trial[~idle], done[~idle] - 1] = rack.q[~idle]
            self._free_from_frame(rack, lanes)
            over = done == steps
            if over.any():
                self._finish(lanes, rack.q, over)
                self._refill(rack, lanes, np.flatnonzero(over), waiting)
                lanes.q[over], lanes.lag[over] = 0.0, 0.0

    def _refill(self, rack: Rack, lanes: _Lanes, free: np.ndarray, waiting: Iterator[int]) -> None:
        for lane in free.tolist():
            n = next(waiting, None)
            lanes.done[lane], lanes.busy[lane], lanes.stuck[lane] = 0, n is not None, False
            if n is not None:
                door = self._doors[n]
                drawn = opens_latch(door, self._actions[n])
                limit = door.opening_limit if drawn else LATCH_PLAY
                rack.put(lane, door, limit, door.hinge_friction + door.sticking)
                lanes.trial[lane], lanes.stuck[lane] = n, door.sticking > 0.0

    def _free_from_frame(self, rack: Rack, lanes: _Lanes) -> None:
        for lane in np.flatnonzero(lanes.stuck & (rack.q > STICKING_REACH)).tolist():
            lanes.stuck[lane] = False
            rack.set_friction(lane, self._doors[int(lanes.trial[lane])].hinge_friction)

    def _finish(self, lanes: _Lanes, q: np.ndarray, which: np.ndarray) -> None:
        trials = lanes.trial[which]
        self.ends[trials], self.steps[trials] = q[which], lanes.done[which]
        if self.courses is not None:
            for n in trials.tolist():
                self.courses[n, int(self.steps[n]) :] = self.ends[n]


class _Lanes:
    """What goes on in every lane: which trial, after how many steps, whether at all."""

    def __init__(self, lanes: int) -> None:
        self.trial, self.done = np.zeros(lanes, int), np.zeros(lanes, int)
        self.busy, self.stuck = np.zeros(lanes, bool), np.zeros(lanes, bool)
        self.q, self.lag = np.zeros(lanes), np.zeros(lanes)  # in the middle of the step before
