"""A pool of joints in PyBullet, simulated in parallel; a door is loaded into a *lane*, one joint.

No bodies are loaded or removed between doors: a lane takes on a door's inertia, damping, friction
and limits, which fully describe the joint of a fixed base without gravity along it. Lanes do not
collide. Eight of them share a body, because reading and driving eight joints takes one call. Every
body has its own world: in a shared world PyBullet's work per joint grows with the number of bodies
(twice as much with 64 lanes), and the order in which it solves for friction and limits may change.
A world takes some 25 MB; four lanes per body would be 5 % faster and take twice as much.
"""

from __future__ import annotations

import numpy as np

from doorlab.doors.door import Door
from doorlab.sim.pybullet.engine import connect, load_urdf, pybullet

_BODY_LANES = 8
_ITERATIONS = 10  # of the solver; a joint has at most one friction and one limit constraint


class JointPool:
    """`lanes` joints of one type: revolute, or prismatic for sliding doors."""

    def __init__(self, lanes: int, *, slides: bool, time_step: float) -> None:
        self.lanes, self._slides = lanes, slides
        self.q, self.q_rate = np.zeros(lanes), np.zeros(lanes)
        self._joints = list(range(min(lanes, _BODY_LANES)))  # of every body
        worlds = [connect(self) for _ in range(lanes // len(self._joints))]
        self.clients = [client for client, _ in worlds]
        self._free = [free for _, free in worlds]
        urdf = _rack_urdf(len(self._joints), "prismatic" if slides else "revolute")
        self._bodies = [(client, _load(client, urdf)) for client in self.clients]
        for client in self.clients:
            pybullet.setPhysicsEngineParameter(
                fixedTimeStep=time_step,
                numSolverIterations=_ITERATIONS,
                solverResidualThreshold=0.0,  # stopping early would make lanes depend on each other
                physicsClientId=client,
            )

    def put(self, lane: int, door: Door, limit: float, friction: float) -> None:
        """Loads a door into a lane, closed and at rest, with joint limits 0 and `limit`."""
        client, body, link = self._lane(lane)
        inertia = door.joint_inertia
        pybullet.changeDynamics(
            body,
            link,
            **{"mass": inertia} if self._slides else {"localInertiaDiagonal": (inertia,) * 3},
            jointDamping=door.hinge_damping,
            jointLowerLimit=0.0,
            jointUpperLimit=limit,
            physicsClientId=client,
        )
        self.release(lane, 0.0, 0.0)
        self.set_friction(lane, friction)

    def release(self, lane: int, q: float, q_rate: float) -> None:
        """Sets position and velocity of a lane."""
        client, body, link = self._lane(lane)
        pybullet.resetJointState(body, link, q, q_rate, physicsClientId=client)
        self.q[lane], self.q_rate[lane] = q, q_rate

    def set_friction(self, lane: int, friction: float) -> None:
        """Sets Coulomb friction: a velocity motor with target 0 and a limited force."""
        client, body, link = self._lane(lane)
        pybullet.setJointMotorControl2(
            body,
            link,
            pybullet.VELOCITY_CONTROL,
            targetVelocity=0,
            force=friction,
            physicsClientId=client,
        )

    def step(self, forces: list[float], busy: list[bool]) -> None:
        """Simulates one time step under a force (N m; N) per lane, for bodies with a busy lane.

        Afterwards `q` and `q_rate`, (lanes,), hold the new positions and velocities.
        """
        joints, count, mode = self._joints, len(self._joints), pybullet.TORQUE_CONTROL
        drive, read = pybullet.setJointMotorControlArray, pybullet.getJointStates
        positions, velocities = self.q.tolist(), self.q_rate.tolist()
        for n, (client, body) in enumerate(self._bodies):
            own = slice(count * n, count * (n + 1))
            if any(busy[own]):
                drive(body, joints, mode, forces=forces[own], physicsClientId=client)
                pybullet.stepSimulation(physicsClientId=client)
                positions[own], velocities[own], _, _ = zip(
                    *read(body, joints, client), strict=True
                )
        self.q, self.q_rate = np.array(positions), np.array(velocities)

    def step_single(self, force: float) -> tuple[float, float]:
        """Simulates one time step of a pool with one lane; returns position and velocity."""
        client, body = self._bodies[0]
        pybullet.setJointMotorControl2(
            body, 0, pybullet.TORQUE_CONTROL, force=force, physicsClientId=client
        )
        pybullet.stepSimulation(physicsClientId=client)
        return pybullet.getJointState(body, 0, client)[:2]

    def close(self) -> None:
        """Disconnects from the engine. Repeated calls have no effect."""
        for free in self._free:
            free()

    def _lane(self, lane: int) -> tuple[int, int, int]:
        """Client, body and joint of a lane."""
        body, joint = divmod(lane, len(self._joints))
        return *self._bodies[body], joint


def _load(client: int, urdf: str) -> int:
    body = load_urdf(client, urdf, pybullet.URDF_USE_INERTIA_FROM_FILE)
    for link in range(-1, pybullet.getNumJoints(body, physicsClientId=client)):
        pybullet.changeDynamics(  # PyBullet's defaults add damping that doors do not have
            body, link, linearDamping=0, angularDamping=0, physicsClientId=client
        )
    return body


def _rack_urdf(lanes: int, joint: str) -> str:
    inertial = (
        '<inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/>'
    )
    parts = [f'<robot name="rack"><link name="base">{inertial}</inertial></link>']
    for lane in range(lanes):
        parts.append(
            f'<link name="lane{lane}">{inertial}</inertial></link>'
            f'<joint name="joint{lane}" type="{joint}"><parent link="base"/>'
            f'<child link="lane{lane}"/><axis xyz="0 0 1"/>'
            '<limit lower="0" upper="1" effort="1e6" velocity="1e3"/></joint>'
        )
    return "".join(parts) + "</robot>"
