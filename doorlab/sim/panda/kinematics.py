"""The Franka Panda: limits, base placement for a hand path, and joint trajectories.

Engine-free and vectorized over N interactions. Everything follows from the hand path alone, because
a robot knows nothing else before its first interaction with a door.

Frames. The *handle frame* has its origin at the handle of the closed door, and the axes of the
world. The *base frame* has its origin below joint 1, and is rotated by `yaw` about z.

Placement. A mobile base with a lift stops where the longest part of the path, from its start and
without a gap, is within reach of the shoulder. Among such places it prefers those where this
part lies in the range of distances in which the arm works best. The base stays on its side of the
wall, and outside of the area that a panel between the assumed hinge and the handle would sweep.

Inverse kinematics. Damped least squares for the position of the grip, three equations for seven
joints; the null space pulls the joints towards a rest posture. The gripper may rotate freely about
the handle. Where joints would exceed their speed limits, the arm takes more time.

Legend: N interactions, K waypoints, T control steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from doorlab.doors.action import Action
from doorlab.doors.geometry import WALL_THICKNESS
from doorlab.sim.grip import SWING_SECONDS, hand_paths

JOINTS = 7
# From the robot's data sheet (https://frankaemika.github.io/docs/control_parameters.html).
LOWER = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])  # rad
UPPER = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])  # rad
SPEEDS = np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61])  # rad/s
TOP_SPEED = float(SPEEDS.min())  # rad/s, for all joints: PyBullet has one limit per body
TORQUES = np.array([87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0])  # N m

REST = np.array([0.0, 0.1, 0.0, -1.9, 0.0, 2.6, 0.785])  # rad, gripper forward
BASE_RADIUS = 0.25  # m, radius of the mobile base
WALL_MARGIN = WALL_THICKNESS + BASE_RADIUS  # m; the handle of a push door is beyond the wall
SECONDS = 3.0  # s, time limit of an interaction

_SHOULDER = 0.333  # m above the base
_GRIP = 0.107 + 0.105  # m, from joint 7 to the point between the fingers
_LIFT = 0.3  # m, range of the lift, up and down
_REACH = (0.2, 0.9)  # m from the shoulder, where the grip can be
_SHELL = (0.35, 0.75)  # m from the shoulder, where the arm works best
_LOOKS = 17  # number of path points by which a placement is scored
_ALONG = np.arange(-15, 16) * 0.1  # m, x of the candidate placements
_BEFORE = -WALL_MARGIN - np.arange(13) * 0.1  # m, y of the candidate placements
_WAYPOINT_STEP = 1 / 30  # s
_LIMIT_MARGIN = 0.03  # rad
_SPEED_SHARE = 0.9  # planned fraction of the top speed; the rest serves to catch up
_DAMPING = 0.02  # m, of the damped least squares
_START_ITERATIONS, _ITERATIONS = 60, 4
_RETURN = 0.08  # fraction of the distance to the rest posture covered per iteration


@dataclass(frozen=True)
class Placement:
    """Poses of robot bases.

    Attributes:
        position: float64 (3, N), m, in the handle frame.
        yaw: float64 (N,), rad.
    """

    position: np.ndarray
    yaw: np.ndarray

    def take(self, rows: np.ndarray) -> Placement:
        """The placements at `rows`."""
        return Placement(self.position[:, rows], self.yaw[rows])

    def turned_in(self, vectors: np.ndarray) -> np.ndarray:
        """Transforms vectors (3, N, ...) from the handle frame to the base frame."""
        return _turned(vectors, -self.yaw)

    def turned_out(self, vectors: np.ndarray) -> np.ndarray:
        """Transforms vectors (3, N, ...) from the base frame to the handle frame."""
        return _turned(vectors, self.yaw)


@dataclass(frozen=True)
class Plans:
    """Plans of N arms.

    Attributes:
        placement: poses of the bases.
        targets: float64 (N, T + 1, 7), joint positions before the first and after every control
            step, rad, constant after the end.
        steps: int (N,), control steps until the end, at most T.
    """

    placement: Placement
    targets: np.ndarray
    steps: np.ndarray


def plan(actions: Sequence[Action], time_step: float) -> Plans:
    """Plans placement and joint targets for N actions, at every control step."""
    positions, _ = hand_paths(actions, _WAYPOINT_STEP)
    # hand_paths gives the middle of every step; the path also includes the start and the end.
    way = np.concatenate([np.zeros_like(positions[:, :1]), positions, positions[:, -1:]], axis=1)
    times = (np.arange(way.shape[1] - 2) + 0.5) * _WAYPOINT_STEP
    times = np.concatenate([[0.0], times, [SWING_SECONDS]])
    placement = place(actions, way)
    relative = way.transpose(2, 0, 1) - placement.position[:, :, None]
    joints = inverse_kinematics(placement.turned_in(relative))
    return Plans(placement, *_timed(joints, times, time_step))


def place(actions: Sequence[Action], way: np.ndarray) -> Placement:
    """Places the bases for hand paths (N, K, 3) in the handle frame; see the module docstring."""
    some = way[:, np.linspace(0, way.shape[1] - 1, _LOOKS).round().astype(int)]
    z = np.clip((some[:, :, 2].min(1) + some[:, :, 2].max(1)) / 2, -_LIFT, _LIFT)
    x, y = (places.ravel() for places in np.meshgrid(_ALONG, _BEFORE))
    best = np.empty(len(way), int)
    for n, action in enumerate(actions):
        px, py, pz = some[n].T[:, :, None]
        distance = np.sqrt((px - x) ** 2 + (py - y) ** 2 + (pz - z[n]) ** 2)
        reached = np.cumprod((distance > _REACH[0]) & (distance < _REACH[1]), axis=0)
        outside = np.maximum(distance - _SHELL[1], _SHELL[0] - distance)
        score = reached.sum(axis=0) - np.where(reached, outside, -1.0).max(axis=0)
        if not action.slides:
            score -= _LOOKS * (_clearance(action, some[n], x, y) < BASE_RADIUS)
        best[n] = score.argmax()
    middle = some.mean(axis=1)
    yaw = np.arctan2(middle[:, 1] - y[best], middle[:, 0] - x[best])
    return Placement(np.stack([x[best], y[best], z - _SHOULDER]), yaw)


def grip_position(joints: np.ndarray) -> np.ndarray:
    """Grip position, m, in the base frame, (3, N), for joint positions (7, N), rad."""
    return _kinematics(joints)[0]


def inverse_kinematics(way: np.ndarray) -> np.ndarray:
    """Joint positions (7, N, K) that move the grip along paths (3, N, K) in the base frame.

    Points out of reach are approached as closely as the joints allow.
    """
    _, n, waypoints = way.shape
    joints = np.empty((JOINTS, n, waypoints))
    rest = np.repeat(REST[:, None], n, axis=1)
    q = rest.copy()
    q[0] = np.arctan2(way[1, :, 0], way[0, :, 0])
    q = np.clip(q, (LOWER + _LIMIT_MARGIN)[:, None], (UPPER - _LIMIT_MARGIN)[:, None])
    for k in range(waypoints):
        for _ in range(_ITERATIONS if k else _START_ITERATIONS):
            q = _improved(q, way[:, :, k], rest)
        joints[:, :, k] = q
    return joints


def _improved(q: np.ndarray, target: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """One iteration: dq = J+ e + (1 - J+ J) c, where c points towards the rest posture."""
    grip, jacobian = _kinematics(q)
    wish = _RETURN * (rest - q)
    wish[0] = 0.0  # the first joint faces the path
    error = target - grip - (jacobian * wish).sum(axis=1)
    j0, j1, j2 = jacobian
    a, d, f = ((j * j).sum(axis=0) + _DAMPING**2 for j in (j0, j1, j2))
    b, c, e = (j0 * j1).sum(axis=0), (j0 * j2).sum(axis=0), (j1 * j2).sum(axis=0)
    # The symmetric 3 x 3 system ((a, b, c), (b, d, e), (c, e, f)) by its adjugate: elementwise,
    # so that the digits of an interaction do not depend on the batch size.
    m00, m01, m02 = d * f - e * e, c * e - b * f, b * e - c * d
    m11, m12, m22 = a * f - c * c, b * c - a * e, a * d - b * b
    e0, e1, e2 = error / (a * m00 + b * m01 + c * m02)
    v0 = m00 * e0 + m01 * e1 + m02 * e2
    v1 = m01 * e0 + m11 * e1 + m12 * e2
    v2 = m02 * e0 + m12 * e1 + m22 * e2
    step = np.clip(j0 * v0 + j1 * v1 + j2 * v2 + wish, -0.2, 0.2)
    margin = _LIMIT_MARGIN
    return np.clip(q + step, (LOWER + margin)[:, None], (UPPER - margin)[:, None])


def _kinematics(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grip (3, N) and its Jacobian (3, 7, N) from the joint frames of the robot's URDF."""
    n = q.shape[1]
    x, y, z = (np.repeat(np.eye(3)[:, i : i + 1], n, axis=1) for i in range(3))
    origin = _SHOULDER * z
    offsets = ((0, 0), (0, 0), (0, -0.316), (0.0825, 0), (-0.0825, 0.384), (0, 0), (0.088, 0))
    quarters = (0, -1, 1, 1, -1, 1, 1)  # quarter turns of a joint's frame about its parent's x
    origins, axes = [], []
    for joint in range(JOINTS):
        along_x, along_y = offsets[joint]
        origin = origin + along_x * x + along_y * y
        if quarters[joint]:
            y, z = quarters[joint] * z, -quarters[joint] * y
        sine, cosine = np.sin(q[joint]), np.cos(q[joint])
        x, y = cosine * x + sine * y, cosine * y - sine * x
        origins.append(origin)
        axes.append(z)
    grip = origin + _GRIP * z
    return grip, np.stack([_cross(a, grip - o) for a, o in zip(axes, origins, strict=True)], axis=1)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.stack(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )


def _turned(vectors: np.ndarray, angle: np.ndarray) -> np.ndarray:
    angle = angle.reshape(angle.shape + (1,) * (vectors.ndim - 2))
    sine, cosine = np.sin(angle), np.cos(angle)
    x, y, z = vectors
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, z])


def _clearance(action: Action, way: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance (m) between base positions and the area that the assumed panel sweeps."""
    axis = action.radius * np.array([math.cos(action.phi), 0.0, math.sin(action.phi)])
    reach = np.linspace(0.0, 1.1, 8)[:, None, None]  # from the hinge to just beyond the handle
    panel = (axis + reach * (way - axis)).reshape(-1, 3, 1)
    return np.sqrt(((panel[:, 0] - x) ** 2 + (panel[:, 1] - y) ** 2).min(axis=0))


def _timed(
    joints: np.ndarray, times: np.ndarray, time_step: float
) -> tuple[np.ndarray, np.ndarray]:
    """`Plans.targets` and `Plans.steps` from joint positions (7, N, K) desired at times (K,)."""
    _, n, _ = joints.shape
    most = round(SECONDS / time_step)
    needed = np.abs(np.diff(joints)).max(axis=0) / (_SPEED_SHARE * TOP_SPEED)
    arrivals = np.cumsum(np.maximum(np.diff(times), needed), axis=1)
    arrivals = np.concatenate([np.zeros((n, 1)), arrivals], axis=1)
    clock = time_step * np.arange(most + 1)
    targets = np.empty((n, most + 1, JOINTS))
    for i in range(n):
        for j in range(JOINTS):
            targets[i, :, j] = np.interp(clock, arrivals[i], joints[j, i])
    steps = np.ceil(arrivals[:, -1] / time_step - 1e-6).astype(int)
    return targets, np.minimum(steps, most)
