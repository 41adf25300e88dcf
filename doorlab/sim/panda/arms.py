"""Franka Panda arms in PyBullet, each in its own world, and interactions with their grippers.

An arm stands at the origin of its world, regardless of its placement: its world contains nothing
but gravity, which does not depend on position or yaw. Joint states are therefore the only state
that interactions share, and they are reset.

Gravity is on, and the motors have to hold the arm up. Position control is a loop around PyBullet's
velocity motors, so that a lagging joint catches up within its speed limit; PyBullet's own position
control would be as fast as the torque allows.

Arms do not collide with the panel or the wall, and the grip is the coupling of `doorlab.sim.grip`.
The wrist is assumed to turn the handle before the hand starts to move.

Legend: L lanes, N interactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pybullet_data

from doorlab.doors.action import Action
from doorlab.doors.door import Door
from doorlab.sim.grip import Handles, grip_pull, until_released
from doorlab.sim.panda.kinematics import JOINTS, LOWER, SECONDS, TOP_SPEED, TORQUES, UPPER, plan
from doorlab.sim.pybullet.engine import connect, load_urdf, pybullet
from doorlab.sim.pybullet.interaction import InteractionBatch, Lanes

# Solver iterations. With ten, one reward in twenty changes by 0.02 or more.
_ITERATIONS = 50
_FOLLOWING = 24.0  # 1/s, gain of the position control
_GIVE = 0.01  # rad, by which PyBullet's joint limits are tighter than the robot's: they are soft
_TORQUES = TORQUES.tolist()
_JOINTS = list(range(JOINTS))
_GRAVITY = 9.81  # m/s^2


class Arms:
    """`lanes` robot arms.

    Attributes:
        grip: float64 (3, L), m, positions of the grippers, each in its base frame.
        grip_rate: float64 (3, L), m/s, velocities of the grippers.
        joints: float64 (L, 7), rad.
        joint_rates: float64 (L, 7), rad/s.
    """

    def __init__(self, lanes: int, time_step: float) -> None:
        worlds = [connect(self) for _ in range(lanes)]
        self._clients, self._free = [c for c, _ in worlds], [free for _, free in worlds]
        self._bodies = [_load(client, time_step) for client in self._clients]
        self._link = pybullet.getNumJoints(self._bodies[0], physicsClientId=self._clients[0]) - 1
        self.grip, self.grip_rate = np.zeros((3, lanes)), np.zeros((3, lanes))
        self.joints, self.joint_rates = np.zeros((lanes, JOINTS)), np.zeros((lanes, JOINTS))

    def put(self, lane: int, joints: np.ndarray) -> None:
        """Resets the arm in a lane to joint positions (7,), rad, at rest."""
        client, body = self._clients[lane], self._bodies[lane]
        for joint, position in enumerate(joints.tolist()):
            pybullet.resetJointState(body, joint, position, 0.0, physicsClientId=client)
        self._look(lane)

    def step(
        self, lanes: np.ndarray, targets: np.ndarray, rates: np.ndarray, forces: np.ndarray
    ) -> None:
        """Simulates one time step of the arms in M lanes.

        Args:
            lanes: int (M,).
            targets: desired joint positions before the step, rad, (M, 7).
            rates: desired joint velocities, rad/s, (M, 7).
            forces: forces on the grippers, N, in the base frames, (M, 3).
        """
        wanted = rates + _FOLLOWING * (targets - self.joints[lanes])
        wanted = np.clip(wanted, -TOP_SPEED, TOP_SPEED).tolist()
        grips = self.grip[:, lanes].T.tolist()
        for lane, rate, force, grip in zip(
            lanes.tolist(), wanted, forces.tolist(), grips, strict=True
        ):
            client, body = self._clients[lane], self._bodies[lane]
            pybullet.setJointMotorControlArray(
                body,
                _JOINTS,
                pybullet.VELOCITY_CONTROL,
                targetVelocities=rate,
                forces=_TORQUES,
                physicsClientId=client,
            )
            pybullet.applyExternalForce(
                body, self._link, force, grip, pybullet.WORLD_FRAME, physicsClientId=client
            )
            pybullet.stepSimulation(physicsClientId=client)
            self._look(lane)

    def close(self) -> None:
        """Disconnects from the engine. Repeated calls have no effect."""
        for free in self._free:
            free()

    def _look(self, lane: int) -> None:
        state = pybullet.getLinkState(
            self._bodies[lane],
            self._link,
            computeLinkVelocity=1,
            computeForwardKinematics=1,
            physicsClientId=self._clients[lane],
        )
        self.grip[:, lane], self.grip_rate[:, lane] = state[4], state[6]
        joints = pybullet.getJointStates(self._bodies[lane], _JOINTS, self._clients[lane])
        self.joints[lane], self.joint_rates[lane], _, _ = zip(*joints, strict=True)


class ArmTrials(InteractionBatch):
    """`InteractionBatch` with arms: grippers pull handles, and the reaction acts on the arms."""

    def __init__(
        self,
        doors: Sequence[Door],
        actions: Sequence[Action],
        time_step: float,
        record: bool,
        arms: Arms,
    ) -> None:
        super().__init__(doors, actions, time_step, record)
        self._arms, self._plans = arms, plan(actions, time_step)
        self._last = self._plans.steps
        shape = (len(doors), round(SECONDS / time_step) if record else 0)
        self._grips, self._joints = np.zeros((*shape, 3)), np.zeros((*shape, JOINTS))
        if record:
            self.courses = np.zeros(shape, np.float32)
        self._force = np.zeros((3, arms.grip.shape[1]))  # on the handles, in the base frame

    @property
    def hands(self) -> np.ndarray:
        """float32 (N, T, 3), m: gripper positions until release; see `InteractionResult`."""
        return until_released(self._grips, self.steps)

    @property
    def arm_positions(self) -> np.ndarray:
        """float32 (N, T, 7), rad: joint positions until release; see `InteractionResult`."""
        return until_released(self._joints, self.steps)

    @property
    def arm_targets(self) -> np.ndarray:
        """float32 (N, T, 7), rad: desired joint positions until release."""
        return until_released(self._plans.targets[:, 1:], self.steps)

    def _grip(
        self, lanes: Lanes, handles: Handles, q: np.ndarray, q_rate: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        stand = self._plans.placement.take(lanes.trial)
        rate = stand.turned_out(self._arms.grip_rate)
        grip = stand.position + stand.turned_out(self._arms.grip) + rate * (self._time_step / 2)
        along, force, lag = grip_pull(handles, q, q_rate, grip, rate)
        self._force = stand.turned_in(force)
        if self._grips.size:
            self._grips[lanes.trial[lanes.busy], lanes.done[lanes.busy]] = grip.T[lanes.busy]
        return along, lag

    def _go_on(self, lanes: Lanes, idle: np.ndarray) -> None:
        rows = np.flatnonzero(~idle)
        trial, done = lanes.trial[rows], lanes.done[rows]
        targets = self._plans.targets[trial, done - 1]
        rates = (self._plans.targets[trial, done] - targets) / self._time_step
        self._arms.step(rows, targets, rates, -self._force[:, rows].T)
        if self._joints.size:
            self._joints[trial, done - 1] = self._arms.joints[rows]

    def _take_up(self, lane: int, trial: int) -> None:
        self._arms.put(lane, self._plans.targets[trial, 0])


def _load(client: int, time_step: float) -> int:
    body = load_urdf(client, _urdf(), pybullet.URDF_IGNORE_VISUAL_SHAPES)
    pybullet.setGravity(0.0, 0.0, -_GRAVITY, physicsClientId=client)
    pybullet.setPhysicsEngineParameter(
        fixedTimeStep=time_step,
        numSolverIterations=_ITERATIONS,
        solverResidualThreshold=0.0,
        physicsClientId=client,
    )
    for link in range(-1, pybullet.getNumJoints(body, physicsClientId=client)):
        pybullet.setCollisionFilterGroupMask(body, link, 0, 0, physicsClientId=client)
        pybullet.changeDynamics(
            body,
            link,
            linearDamping=0,
            angularDamping=0,
            maxJointVelocity=TOP_SPEED,
            physicsClientId=client,
        )
    return body


def _urdf() -> str:
    """PyBullet's URDF with the joint limits of the data sheet and fixed fingers."""
    folder = Path(pybullet_data.getDataPath()) / "franka_panda"
    text = (folder / "panda.urdf").read_text().replace("package://", f"{folder}/")
    robot = ElementTree.fromstring(text)
    for joint in robot.iter("joint"):
        if joint.get("type") == "prismatic":
            joint.set("type", "fixed")
        number = joint.get("name", "")[len("panda_joint") :]
        limit = joint.find("limit")
        if number.isdigit() and limit is not None:
            limit.set("lower", str(LOWER[int(number) - 1] + _GIVE))
            limit.set("upper", str(UPPER[int(number) - 1] - _GIVE))
    return ElementTree.tostring(robot, encoding="unicode")
