"""Interactions: the hand turns the handle, then follows its path until the end or a slip.

Legend: N interactions, L lanes of a joint pool, T control steps.
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
    Floats,
    Handles,
    grip_force,
    hand_paths,
    opens_latch,
    until_released,
)
from doorlab.sim.pybullet.joint_pool import JointPool


class InteractionBatch:
    """N interactions with doors of one mechanism, simulated in the lanes of a joint pool.

    When an interaction ends, its lane takes the next one; lanes without work stand still.

    Attributes after `run`:
        ends: float64 (N,), final joint positions, rad or m.
        slipped: bool (N,), whether the grip slipped.
        steps: int32 (N,), steps until the end or the slip.
        courses: float32 (N, T), joint positions after every step, constant after the end; or None.
    """

    def __init__(
        self, doors: Sequence[Door], actions: Sequence[Action], time_step: float, record: bool
    ) -> None:
        self._doors, self._actions, self._time_step = doors, actions, time_step
        positions, velocities = hand_paths(actions, time_step)
        self._path = np.concatenate([positions, velocities], axis=2)
        self._handles = Handles.of(doors)
        self._closer = np.array([d.closer_stiffness for d in doors])
        self._limit = np.array([d.opening_limit for d in doors])
        shape = self._path.shape[:2]
        self.ends, self.slipped = np.zeros(shape[0]), np.zeros(shape[0], bool)
        self.steps = np.zeros(shape[0], np.int32)
        self._last = np.full(shape[0], shape[1])  # number of steps of every interaction
        self.courses = np.zeros(shape, np.float32) if record else None

    @property
    def hands(self) -> np.ndarray:
        """float32 (N, T, 3), m: hand positions until release; see `InteractionResult`."""
        return until_released(self._path[..., :3], self.steps)

    @property
    def arm_positions(self) -> np.ndarray | None:
        """Joint positions of the arm; None: the hand has no arm."""
        return None

    @property
    def arm_targets(self) -> np.ndarray | None:
        """Desired joint positions of the arm; None: the hand has no arm."""
        return None

    def run_single(self, rack: JointPool) -> None:
        """Simulates a single interaction in a pool of one lane, without the overhead of arrays."""
        handles, closer, path = self._handles.single(0), float(self._closer[0]), self._path[0]
        stuck, q, q_rate, previous = self._put(rack, 0, 0), 0.0, 0.0, (0.0, 0.0)
        course = []
        for point in path.tolist():
            middle = q + q_rate * (self._time_step / 2)
            force, lag = grip_force(handles, middle, q_rate, point[:3], point[3:], Floats)
            if lag > SLIP_DISTANCE:
                share = (SLIP_DISTANCE - previous[1]) / max(lag - previous[1], 1e-12)
                q, self.slipped[0] = previous[0] + share * (middle - previous[0]), True
                break
            previous = middle, lag
            q, q_rate = rack.step_single(force - closer * middle)
            course.append(q)
            if stuck and q > STICKING_REACH:
                stuck = False
                rack.set_friction(0, self._doors[0].hinge_friction)
        self.ends[0], self.steps[0] = min(max(q, 0.0), float(self._limit[0])), len(course)
        if self.courses is not None:
            self.courses[0, : len(course)], self.courses[0, len(course) :] = course, self.ends[0]

    def run(self, rack: JointPool) -> None:
        """Simulates all interactions."""
        lanes = Lanes(rack.lanes)
        waiting = iter(range(len(self.ends)))
        self._refill(rack, lanes, np.arange(rack.lanes), waiting)
        while lanes.busy.any():
            trial, done, busy = lanes.trial, lanes.done, lanes.busy
            handles = self._handles.take(trial)
            # Forces are evaluated in the middle of the step, which makes the error second order in
            # the time step.
            q = rack.q + rack.q_rate * (self._time_step / 2)
            force, lag = self._grip(lanes, handles, q, rack.q_rate)
            force -= self._closer[trial] * q
            idle = ~busy
            lost = busy & (lag > SLIP_DISTANCE)
            if lost.any():
                self.slipped[trial[lost]] = True
                share = (SLIP_DISTANCE - lanes.lag) / np.maximum(lag - lanes.lag, 1e-12)
                self._finish(lanes, lanes.q + share * (q - lanes.q), lost)
                self._refill(rack, lanes, np.flatnonzero(lost), waiting)
                idle |= lost  # interactions loaded just now begin with the next step
            lanes.q, lanes.lag = np.where(idle, 0.0, q), np.where(idle, 0.0, lag)
            force[idle] = 0.0
            rack.step(force.tolist(), lanes.busy.tolist())
            done += ~idle
            self._go_on(lanes, idle)
            if self.courses is not None:
                self.courses[trial[~idle], done[~idle] - 1] = rack.q[~idle]
            self._free_from_frame(rack, lanes)
            over = done == self._last[trial]
            if over.any():
                self._finish(lanes, rack.q, over)
                self._refill(rack, lanes, np.flatnonzero(over), waiting)
                lanes.q[over], lanes.lag[over] = 0.0, 0.0

    def _grip(
        self, lanes: Lanes, handles: Handles, q: np.ndarray, q_rate: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Force along every joint, and lag; see `grip_force`."""
        hand = self._path[lanes.trial, lanes.done].T
        return grip_force(handles, q, q_rate, hand[:3], hand[3:])

    def _go_on(self, lanes: Lanes, idle: np.ndarray) -> None:
        """Advances the hands of busy lanes by a time step; a hand on a fixed path needs nothing."""

    def _take_up(self, lane: int, trial: int) -> None:
        """Prepares the hand before an interaction begins in a lane."""

    def _refill(
        self, rack: JointPool, lanes: Lanes, free: np.ndarray, waiting: Iterator[int]
    ) -> None:
        for lane in free.tolist():
            n = next(waiting, None)
            lanes.done[lane], lanes.busy[lane], lanes.stuck[lane] = 0, n is not None, False
            if n is not None:
                lanes.trial[lane], lanes.stuck[lane] = n, self._put(rack, lane, n)
                self._take_up(lane, n)

    def _put(self, rack: JointPool, lane: int, n: int) -> bool:
        """Loads the door of an interaction into a lane; returns whether the door sticks."""
        door = self._doors[n]
        released = opens_latch(door, self._actions[n])
        limit = door.opening_limit if released else LATCH_PLAY
        rack.put(lane, door, limit, door.hinge_friction + door.stiction)
        return door.stiction > 0.0

    def _free_from_frame(self, rack: JointPool, lanes: Lanes) -> None:
        for lane in np.flatnonzero(lanes.stuck & (rack.q > STICKING_REACH)).tolist():
            lanes.stuck[lane] = False
            rack.set_friction(lane, self._doors[int(lanes.trial[lane])].hinge_friction)

    def _finish(self, lanes: Lanes, q: np.ndarray, which: np.ndarray) -> None:
        trials = lanes.trial[which]
        # At a slip q is extrapolated by half a step, which may be beyond a stop.
        self.ends[trials] = np.clip(q[which], 0.0, self._limit[trials])
        self.steps[trials] = lanes.done[which]
        if self.courses is not None:
            for n in trials.tolist():
                self.courses[n, int(self.steps[n]) :] = self.ends[n]


class Lanes:
    """State of every lane: its interaction, number of steps, whether it is busy or stuck."""

    def __init__(self, lanes: int) -> None:
        self.trial, self.done = np.zeros(lanes, int), np.zeros(lanes, int)
        self.busy, self.stuck = np.zeros(lanes, bool), np.zeros(lanes, bool)
        self.q, self.lag = np.zeros(lanes), np.zeros(lanes)  # in the middle of the previous step
