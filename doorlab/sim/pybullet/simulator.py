"""The PyBullet simulator: the reference behind the interface of `doorlab.sim.simulator`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from doorlab.doors.action import ACTION_DIM, Action
from doorlab.doors.door import Door
from doorlab.doors.urdf import HINGE_JOINT
from doorlab.doors.view import View
from doorlab.errors import ConfigError
from doorlab.sim.grip import SWING_SECONDS
from doorlab.sim.interactions import Interactions
from doorlab.sim.pybullet.camera import photograph
from doorlab.sim.pybullet.engine import pybullet
from doorlab.sim.pybullet.interaction import reward, try_action
from doorlab.sim.pybullet.world import TIME_STEP, World


class PyBulletSimulator:
    """Films doors with TinyRenderer and pulls on them with a hand of limited grip."""

    name = "pybullet"
    renderer = "tinyrenderer"

    def __init__(self) -> None:
        self._world = World()

    def render(
        self,
        doors: Sequence[Door],
        joint_positions: np.ndarray,
        views: Sequence[Sequence[View]],
        image_size: int,
    ) -> np.ndarray:
        """uint8 (D, M, H, W, 3); see `Simulator.render`."""
        joint_positions = np.asarray(joint_positions)
        if joint_positions.ndim != 2 or len(joint_positions) != len(doors):
            raise ConfigError(
                f"joint positions of shape ({len(doors)}, frames)",
                f"{joint_positions.shape}",
                "give one row per door",
            )
        if image_size < 1:
            raise ConfigError("an image size of at least 1 pixel", f"{image_size}", "enlarge it")
        shape = (*joint_positions.shape, image_size, image_size, 3)
        images = np.empty(shape, dtype=np.uint8)
        for d, door in enumerate(doors):
            with self._world.door(door, visuals=True) as body:
                for m, view in enumerate(views[d]):
                    self._pose(body, float(joint_positions[d, m]))
                    images[d, m] = photograph(self._world.client, view, door.appearance, image_size)
        return images

    def interact(
        self, doors: Sequence[Door], actions: np.ndarray, *, record: bool = False
    ) -> Interactions:
        """Every action of (D, J, 4) on its door; see `Simulator.interact`."""
        actions = check_actions(doors, actions)
        shape, steps = actions.shape[:2], round(SWING_SECONDS / TIME_STEP)
        rewards, ends = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        slipped = np.zeros(shape, bool)
        trajectories = np.zeros((*shape, steps), np.float32) if record else None
        for d, door in enumerate(doors):
            with self._world.door(door, visuals=False) as body:
                for j in range(shape[1]):
                    action = Action.from_normalised(actions[d, j])
                    course, slipped[d, j] = try_action(self._world.client, body, door, action)
                    ends[d, j] = course[-1]
                    rewards[d, j] = reward(door, course[-1])
                    if trajectories is not None:
                        trajectories[d, j] = course[-1]
                        trajectories[d, j, : len(course)] = course
        return Interactions(rewards, ends, slipped, trajectories)

    def close(self) -> None:
        """Frees the engine. Calling it twice is harmless."""
        self._world.close()

    def _pose(self, body: int, joint_position: float) -> None:
        pybullet.resetJointState(
            body, HINGE_JOINT, joint_position, physicsClientId=self._world.client
        )


def check_actions(doors: Sequence[Door], actions: np.ndarray) -> np.ndarray:
    """The actions as an array (D, J, 4); ConfigError when they do not fit the doors."""
    actions = np.asarray(actions)
    if actions.ndim != 3 or len(actions) != len(doors) or actions.shape[2] != ACTION_DIM:
        raise ConfigError(
            f"actions of shape ({len(doors)}, interactions, {ACTION_DIM})",
            f"{actions.shape}",
            "give one row per door",
        )
    if not np.isfinite(actions).all():
        raise ConfigError("finite actions", "NaN or infinity among them", "check the policy")
    return actions
