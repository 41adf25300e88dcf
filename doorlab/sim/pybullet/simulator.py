"""The PyBullet simulator, the reference implementation of `doorlab.sim.simulator`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from doorlab.doors.action import Action
from doorlab.doors.camera import View
from doorlab.doors.door import Door
from doorlab.sim.checks import check_interact, check_render
from doorlab.sim.grip import SWING_SECONDS
from doorlab.sim.interactions import InteractionResult, rewards_of
from doorlab.sim.lifetime import Closable
from doorlab.sim.pybullet.interaction import InteractionBatch
from doorlab.sim.pybullet.joint_pool import JointPool
from doorlab.sim.pybullet.rendering import meters, photograph
from doorlab.sim.pybullet.scene import Scene
from doorlab.sim.rendering import RGB_ONLY, RenderOptions, RenderResult

TIME_STEP = 1 / 30  # s; `doorlab bench --only convergence` shows the effect of smaller steps

_LANES = 32  # of the joint pool for more than one interaction


class PyBulletSimulator(Closable):
    """Renders doors with TinyRenderer, and simulates a hand with limited grip force.

    The engine belongs to one process and one simulator: copies and unpickled simulators connect to
    their own engine.
    """

    name = "pybullet"
    renderer = "tinyrenderer"
    _seconds = SWING_SECONDS  # maximum duration of an interaction
    _most_trials = 4096  # simulated at once; limits the memory of their paths

    def __init__(self, time_step: float = TIME_STEP) -> None:
        self._time_step = time_step
        self._scene = Scene()
        self._racks: dict[tuple[int, bool], JointPool] = {}

    def __getstate__(self) -> dict[str, Any]:
        """State for copies: settings only, no connection to the engine."""
        return {"time_step": self._time_step, "is_closed": self._is_closed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Connects to a new engine, if the original was open."""
        type(self).__init__(self, state["time_step"])
        if state["is_closed"]:
            self.close()

    def render(
        self,
        doors: Sequence[Door],
        joint_positions: np.ndarray,
        views: Sequence[Sequence[View]],
        image_size: int,
        layers: RenderOptions = RGB_ONLY,
    ) -> RenderResult:
        """Renders images (D, M); see `Simulator.render`."""
        self._require_open()
        positions = check_render(doors, joint_positions, views, image_size)
        rendered = RenderResult.blank(positions.shape, image_size, layers)
        for d, door in enumerate(doors):
            with self._scene.door(door):
                for m, view in enumerate(views[d]):
                    self._scene.pose(float(positions[d, m]))
                    rgb, buffer, links = photograph(
                        self._scene.client, view, door.appearance, image_size, layers
                    )
                    rendered.images[d, m] = rgb
                    if rendered.depth is not None:
                        rendered.depth[d, m] = meters(buffer)
                    if rendered.segmentation is not None:
                        rendered.segmentation[d, m] = self._scene.parts(links)
        return rendered

    def interact(
        self, doors: Sequence[Door], actions: np.ndarray, *, record: bool = False
    ) -> InteractionResult:
        """Simulates every action of (D, J, 4) on its door; see `Simulator.interact`."""
        self._require_open()
        actions = check_interact(doors, actions)
        shape = actions.shape[:2]
        ends, slipped, steps = np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, np.int32)
        most = round(self._seconds / self._time_step)
        recorded = _blank_records((*shape, most)) if record else {}
        for slides in (False, True):
            which = [d for d, door in enumerate(doors) if (door.mechanism == "sliding") == slides]
            trials = [(d, j) for d in which for j in range(shape[1])]
            for first in range(0, len(trials), self._most_trials):
                rows = tuple(np.array(trials[first : first + self._most_trials]).T)
                done = self._run_group([doors[d] for d in rows[0]], actions[rows], slides, record)
                ends[rows], slipped[rows], steps[rows] = done.ends, done.slipped, done.steps
                if record:
                    _store_records(recorded, rows, done)
        rewards, time_step = rewards_of(doors, ends), self._time_step if record else None
        ends = ends.astype(np.float32)
        return InteractionResult(rewards, ends, slipped, steps, time_step=time_step, **recorded)

    def close(self) -> None:
        """Frees the engine. Repeated calls have no effect."""
        super().close()
        self._scene.close()
        for rack in self._racks.values():
            rack.close()
        self._racks.clear()

    def _run_group(
        self, doors: list[Door], actions: np.ndarray, slides: bool, record: bool
    ) -> InteractionBatch:
        trials = InteractionBatch(
            doors, [Action.from_normalized(a) for a in actions], self._time_step, record
        )
        if len(doors) == 1:
            trials.run_single(self._rack(1, slides))
        else:
            trials.run(self._rack(_LANES, slides))
        return trials

    def _rack(self, lanes: int, slides: bool) -> JointPool:
        key = (lanes, slides)
        if key not in self._racks:
            self._racks[key] = JointPool(lanes, slides=slides, time_step=self._time_step)
        return self._racks[key]


def _blank_records(shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """The recorded arrays of `InteractionResult` that every hand has, for a shape (D, J, T)."""
    hands = np.zeros((*shape, 3), np.float32)
    return {"trajectories": np.zeros(shape, np.float32), "hands": hands}


def _store_records(
    recorded: dict[str, np.ndarray], rows: tuple[np.ndarray, ...], done: InteractionBatch
) -> None:
    """Stores what a batch recorded in the rows (d, j) of its interactions."""
    recorded["trajectories"][rows], recorded["hands"][rows] = done.courses, done.hands
    for name, values in (("arm_positions", done.arm_positions), ("arm_targets", done.arm_targets)):
        if values is not None:
            shape = (*recorded["trajectories"].shape, values.shape[-1])
            recorded.setdefault(name, np.zeros(shape, np.float32))[rows] = values
