"""The handle meshes as unions of convex hulls for ray casting; each hull is a list of planes.

Computed from the OBJ files that PyBullet renders. A mesh is split into connected pieces. A piece
that is not convex is a solid of revolution about y, and is cut into slices at its rings.

Shapes: T handle types, P hulls, N planes of a hull.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from doorlab.doors.door import CATEGORIES
from doorlab.doors.meshes import handle_mesh

_CLOSE = 2e-5  # m: OBJ files have five digits
_SAME = 1e-3  # tolerance for normals of triangles of the same face


@dataclass(frozen=True)
class Hulls:
    """All handle types, in the frame of the spindle (`doors.meshes`), before scaling.

    A point p is in a hull if n.p <= c for each of its planes. Hulls that a type does not have are
    empty; planes that a hull does not have hold for every point.

    Attributes:
        normals: (T, P, N, 3), unit vectors.
        offsets: (T, P, N), c, m.
        low: (T, 3), m, lower corner of the bounding box.
        high: (T, 3), m, upper corner of the bounding box.
    """

    normals: Tensor
    offsets: Tensor
    low: Tensor
    high: Tensor


@cache
def hulls(device: torch.device) -> Hulls:
    """The hulls of `CATEGORIES["handle_type"]`, in that order."""
    types = [_hulls_of(name) for name in CATEGORIES["handle_type"]]
    parts = max(len(planes) for planes in types)
    faces = max(len(planes) for of_type in types for planes in of_type)
    table = np.zeros((len(types), parts, faces, 4))
    table[..., 3] = -1.0  # empty hulls
    for t, of_type in enumerate(types):
        for p, planes in enumerate(of_type):
            table[t, p, :, 3] = 1.0
            table[t, p, : len(planes)] = planes
    corners = [handle_mesh(name).vertices for name in CATEGORIES["handle_type"]]

    def tensor(values: np.ndarray) -> Tensor:
        return torch.as_tensor(values.astype(np.float32), device=device)

    return Hulls(
        tensor(table[..., :3]),
        tensor(table[..., 3]),
        tensor(np.stack([c.min(axis=0) for c in corners])),
        tensor(np.stack([c.max(axis=0) for c in corners])),
    )


def _hulls_of(handle_type: str) -> list[np.ndarray]:
    """Planes (N, 4), normal and offset, of every hull."""
    mesh = handle_mesh(handle_type)
    corners = mesh.vertices[mesh.triangles]
    normals = mesh.normals[mesh.triangles[:, 0]]
    hulls = []
    for piece in _pieces(corners):
        planes = _planes(corners[piece], normals[piece])
        if _is_convex(planes, corners[piece]):
            hulls.append(planes)
        else:
            hulls += _slices(corners[piece], normals[piece])
    return hulls


def _pieces(corners: np.ndarray) -> list[np.ndarray]:
    """Indices of the triangles (F, 3, 3) of each connected piece."""
    _, point = np.unique(np.round(corners.reshape(-1, 3), 5), axis=0, return_inverse=True)
    points = point.reshape(-1, 3)
    label = np.arange(points.max() + 1)
    while True:
        least = label[points].min(axis=1)
        before = label.copy()
        np.minimum.at(label, points.ravel(), np.repeat(least, 3))
        if (label == before).all():
            break
    of_triangle = label[points[:, 0]]
    return [np.flatnonzero(of_triangle == piece) for piece in np.unique(of_triangle)]


def _planes(corners: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """One plane (4,) per face; the triangles of a face share it."""
    planes: list[np.ndarray] = []
    for triangle, normal in zip(corners, normals, strict=True):
        unit = normal / np.linalg.norm(normal)
        if not any(np.abs(plane[:3] - unit).max() < _SAME for plane in planes):
            planes.append(np.append(unit, (triangle @ unit).mean()))
    return np.array(planes)


def _is_convex(planes: np.ndarray, corners: np.ndarray) -> bool:
    return bool((corners.reshape(-1, 3) @ planes[:, :3].T <= planes[:, 3] + 10 * _CLOSE).all())


def _slices(corners: np.ndarray, normals: np.ndarray) -> list[np.ndarray]:
    """Cuts a solid of revolution into slices between its rings."""
    ends = np.stack([corners[..., 1].min(axis=1), corners[..., 1].max(axis=1)], axis=1)
    levels = np.unique(np.round(ends, 5))
    slices = []
    for low, high in itertools.pairwise(levels):
        mantle = np.flatnonzero(np.abs(ends - [low, high]).max(axis=1) < _CLOSE)
        caps = np.array([[0.0, -1.0, 0.0, -low], [0.0, 1.0, 0.0, high]])
        slices.append(np.concatenate([_planes(corners[mantle], normals[mantle]), caps]))
    return slices
