"""The rendered scene: holds one door at a time, as a body made of meshes.

Boxes are passed as lists of numbers, because loading them from a URDF file took three times as
long. PyBullet 3.2 leaks every list that it gets as part of a mesh (it never drops its reference),
so the same lists are refilled for every door. It also keeps the results of `createVisualShape`
until the world is reset, so the world is reset at intervals.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from doorlab.doors.door import Door
from doorlab.doors.geometry import PARTS, Shape, joint_origin, panel_shapes, scene_shapes
from doorlab.doors.meshes import Mesh, box_mesh, handle_file
from doorlab.doors.textures import TILE_SIZES, texture_file
from doorlab.runtime.numeric_locale import decimal_points
from doorlab.sim.pybullet.engine import connect, pybullet

_RESET_DOORS = 64  # doors between resets of the world
_HERE, _UPRIGHT = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)


class Scene:
    """A PyBullet world for rendering, with at most one door."""

    def __init__(self) -> None:
        self.client, self._free = connect(self)
        self._textures: dict[str, int] = {}
        self._doors_left = 0  # until the next reset
        self._body, self._panel = -1, -1
        self._part_of_link = np.zeros(2, np.uint8)

    @contextlib.contextmanager
    def door(self, door: Door) -> Iterator[None]:
        """Creates the body of a door, and removes it when the block ends."""
        if self._doors_left == 0:
            self._reset()
        self._doors_left -= 1
        fixed, moving = _grouped(scene_shapes(door)), _grouped(panel_shapes(door))
        groups = fixed + moving
        # The first group is the base; the others are links of the base or of the panel.
        self._panel = len(fixed) - 1
        self._part_of_link = np.array(
            [PARTS.index("surroundings"), *(PARTS.index(group[0].part) for group in groups)],
            np.uint8,
        )
        with decimal_points():  # mesh files are read when the body is created
            self._body = self._create(door, groups, links=len(groups) - 1)
        try:
            for link, group in enumerate(groups, start=-1):
                if group[0].texture != "plain":
                    pybullet.changeVisualShape(
                        self._body,
                        link,
                        textureUniqueId=self._textures[group[0].texture],
                        physicsClientId=self.client,
                    )
            yield
        finally:
            pybullet.removeBody(self._body, physicsClientId=self.client)

    def pose(self, joint_position: float) -> None:
        """Sets the joint position of the door (rad; m if it slides)."""
        pybullet.resetJointState(
            self._body, self._panel, joint_position, physicsClientId=self.client
        )

    def parts(self, links: np.ndarray) -> np.ndarray:
        """uint8: part (index in `PARTS`) of every link from `rendering.photograph`."""
        return self._part_of_link[links + 2]

    def close(self) -> None:
        """Disconnects from the engine. Repeated calls have no effect."""
        self._free()

    def _create(self, door: Door, groups: list[list[Shape]], links: int) -> int:
        slides = door.mechanism == "sliding"
        axis = (
            (door.side_sign, 0.0, 0.0) if slides else (0.0, 0.0, door.side_sign * door.swing_sign)
        )
        moves = pybullet.JOINT_PRISMATIC if slides else pybullet.JOINT_REVOLUTE
        panel, base = self._panel, 0
        types, positions = [pybullet.JOINT_FIXED] * links, [_HERE] * links
        types[panel], positions[panel] = moves, joint_origin(door)
        # Parents count from 1, 0 is the base; groups after the panel are attached to it.
        parents = [base] * (panel + 1) + [panel + 1] * (links - panel - 1)
        visuals = [self._visual(group) for group in groups]
        return pybullet.createMultiBody(
            baseMass=0.0,
            baseVisualShapeIndex=visuals[0],
            linkMasses=[1.0] * links,
            linkCollisionShapeIndices=[-1] * links,
            linkVisualShapeIndices=visuals[1:],
            linkPositions=positions,
            linkOrientations=[_UPRIGHT] * links,
            linkInertialFramePositions=[_HERE] * links,
            linkInertialFrameOrientations=[_UPRIGHT] * links,
            linkParentIndices=parents,
            linkJointTypes=types,
            linkJointAxis=[axis] * links,
            physicsClientId=self.client,
        )

    def _reset(self) -> None:
        pybullet.resetSimulation(physicsClientId=self.client)
        self._textures = {
            name: pybullet.loadTexture(str(texture_file(name)), physicsClientId=self.client)
            for name in TILE_SIZES
        }
        self._doors_left = _RESET_DOORS

    def _visual(self, group: list[Shape]) -> int:
        shape, geometry = group[0], dict[str, Any]()
        if shape.kind == "box":
            geometry = _lists(box_mesh(group))
        else:  # PyBullet caches meshes read from files
            geometry = {
                "fileName": str(handle_file(shape.kind)),
                "meshScale": shape.size,
                "visualFramePosition": shape.center,
                "visualFrameOrientation": pybullet.getQuaternionFromEuler(shape.turn),
            }
        return pybullet.createVisualShape(
            pybullet.GEOM_MESH,
            rgbaColor=(*shape.color, 1.0),
            physicsClientId=self.client,
            **geometry,
        )


def _lists(mesh: Mesh) -> dict[str, Any]:
    """A mesh in PyBullet's format, in lists that are reused for meshes with as many vertices."""
    lists = _reused_lists(len(mesh.vertices))
    if not lists["indices"]:  # meshes of equally many boxes have the same triangles
        lists["indices"] += mesh.triangles.ravel().tolist()
        _fill(lists["normals"], mesh.normals)
    _fill(lists["vertices"], mesh.vertices)
    _fill(lists["uvs"], mesh.tiles)
    return lists


def _fill(rows: list[list[float]], array: np.ndarray) -> None:
    for row, values in zip(rows, array.tolist(), strict=True):
        row[:] = values


@cache
def _reused_lists(vertices: int) -> dict[str, Any]:
    rows = {"vertices": 3, "uvs": 2, "normals": 3}
    lists = {name: [[0.0] * width for _ in range(vertices)] for name, width in rows.items()}
    return {**lists, "indices": []}


def _grouped(shapes: list[Shape]) -> list[list[Shape]]:
    """Groups boxes of equal part and appearance, in order of their first; handles stay single."""
    groups: dict[tuple[object, ...], list[Shape]] = {}
    for n, shape in enumerate(shapes):
        own = None if shape.kind == "box" else n
        groups.setdefault((shape.part, shape.color, shape.texture, own), []).append(shape)
    return list(groups.values())
