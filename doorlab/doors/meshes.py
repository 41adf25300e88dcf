"""Triangle meshes of a door's shapes, and the handle meshes that ship with doorlab.

Legend: V vertices, F triangles. Triangles face outwards; faces do not share vertices, so that
edges are sharp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from doorlab.doors.geometry import Shape
from doorlab.doors.textures import TILE_SIZES

_SQUARE = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
_SEAM = 16.0  # whole tiles added to texture coordinates, because renderers differ below 0


@dataclass(frozen=True)
class Mesh:
    """Flat-shaded triangles.

    Attributes:
        vertices: float64 (V, 3), m.
        normals: float64 (V, 3), unit vectors.
        tiles: float64 (V, 2), texture coordinates: 1 is one tile.
        triangles: int64 (F, 3), rows of `vertices`.
    """

    vertices: np.ndarray
    normals: np.ndarray
    tiles: np.ndarray
    triangles: np.ndarray


@cache
def handle_file(handle_type: str) -> Path:
    """Path of the OBJ file of a lever, a knob or a bar (meters, frame of the spindle)."""
    with as_file(files("doorlab.assets") / "handles" / f"{handle_type}.obj") as path:
        return path


def box_mesh(boxes: Sequence[Shape]) -> Mesh:
    """Combines boxes of the same texture into one mesh, in the frame of their body."""
    corners, normals, triangles, axes = _unit_boxes(len(boxes))
    sizes = np.array([box.size for box in boxes])[:, None]
    centers = np.array([box.center for box in boxes])[:, None]
    vertices = (corners * sizes + centers).reshape(-1, 3)
    # On a face with a normal along x, textures run along y and z; likewise for the other axes.
    tile = TILE_SIZES.get(boxes[0].texture, 1.0)
    tiles = np.take_along_axis(vertices, axes, axis=1) * (1.0 / tile, -1.0 / tile) + _SEAM
    return Mesh(vertices, normals, tiles, triangles)


@cache
def _unit_boxes(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`count` unit cubes with edges of 1 m, all in the same place.

    Returns:
        Corners of one of them, (24, 3), four per face; then for all cubes: normals (V, 3),
        triangles, and the two axes along which textures run (V, 2).
    """
    corners, normals, axes = [], [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            normal = np.zeros(3)
            normal[axis] = sign
            u = np.roll(np.array([0.0, 1.0, 0.0]), axis)
            v = np.cross(normal, u)  # (u, v, normal) is right-handed: triangles face outwards
            corners += [(normal + a * u + b * v) / 2 for a, b in _SQUARE]
            normals += [normal] * len(_SQUARE)
            axes += [[0 if axis else 1, 1 if axis == 2 else 2]] * len(_SQUARE)
    face = 4 * np.arange(6 * count)[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    everywhere = (np.tile(np.array(rows), (count, 1)) for rows in (normals, axes))
    all_normals, all_axes = everywhere
    return np.array(corners), all_normals, face.reshape(-1, 3), all_axes


@cache
def handle_mesh(handle_type: str) -> Mesh:
    """Mesh of an unscaled handle, in the frame of the spindle.

    Read from its OBJ file, whose faces have the form `f v//n v//n v//n`.
    """
    points, directions, corners = [], [], []
    for line in handle_file(handle_type).read_text().splitlines():
        kind, *values = line.split()
        if kind == "v":
            points.append([float(v) for v in values])
        elif kind == "vn":
            directions.append([float(v) for v in values])
        elif kind == "f":
            corners += [[int(i) - 1 for i in value.split("//")] for value in values]
    index = np.array(corners)
    vertices = np.array(points)[index[:, 0]]
    triangles = np.arange(len(vertices)).reshape(-1, 3)
    normals = np.array(directions)[index[:, 1]]
    return Mesh(vertices, normals, np.zeros((len(vertices), 2)), triangles)
