"""Generates the handle meshes in assets/handles from a few parameters.

Every mesh is in meters, in the frame of the spindle: y towards the panel (handles stick out to
negative y), a lever of `LENGTH` pointing along x, a bar of `LENGTH` along z.
"""

from pathlib import Path

import numpy as np

LENGTH = 0.14  # m, the length that a handle has before it is scaled
SIDES = 12

Mesh = tuple[np.ndarray, np.ndarray]  # vertices (V, 3), triangles (F, 3)


def lathe(profile: list[tuple[float, float]], sides: int = SIDES) -> Mesh:
    """The solid of revolution about y of points (radius, distance out of the panel)."""
    angles = 2 * np.pi * np.arange(sides) / sides
    rings = [
        np.stack([r * np.cos(angles), np.full(sides, -out), r * np.sin(angles)], axis=1)
        for r, out in profile
    ]
    i = np.arange(sides)
    j = (i + 1) % sides
    quads = []
    for k in range(len(profile) - 1):
        a, b = k * sides, (k + 1) * sides
        quads += [np.stack([a + i, b + j, b + i], 1), np.stack([a + i, a + j, b + j], 1)]
    return np.concatenate(rings), np.concatenate(quads)


def rod(start: np.ndarray, end: np.ndarray, radius: float, sides: int = 8) -> Mesh:
    """A capped cylinder from `start` to `end`."""
    length = float(np.linalg.norm(end - start))
    vertices, triangles = lathe([(0, 0), (radius, 0), (radius, length), (0, length)], sides)
    axis = (end - start) / length
    across = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    # Columns: where x, y and z of the lathe go; a proper rotation keeps the triangles outwards.
    frame = np.stack([across, -axis, np.cross(across, -axis)], axis=1)
    return vertices @ frame.T + start, triangles


def joined(*parts: Mesh) -> Mesh:
    """Concatenates meshes."""
    vertices, triangles, offset = [], [], 0
    for points, faces in parts:
        vertices.append(points)
        triangles.append(faces + offset)
        offset += len(points)
    return np.concatenate(vertices), np.concatenate(triangles)


def handles() -> dict[str, Mesh]:
    """The meshes of lever, knob and bar."""
    rose = lathe([(0, 0), (0.027, 0), (0.027, 0.008), (0.011, 0.012), (0.011, 0.05), (0, 0.05)])
    elbow = np.array([0.0, -0.05, 0.0])
    lever = joined(rose, rod(elbow - [0.012, 0, 0], elbow - [0.012 - LENGTH, 0, 0], 0.012))
    knob = lathe(
        [
            *((0, 0), (0.03, 0), (0.03, 0.006), (0.012, 0.01), (0.012, 0.03), (0.028, 0.04)),
            *((0.034, 0.055), (0.028, 0.068), (0, 0.073)),
        ]
    )
    half = np.array([0.0, 0.0, LENGTH / 2])
    out = np.array([0.0, -0.06, 0.0])
    posts = [rod(sign * 0.7 * half, sign * 0.7 * half + out, 0.01) for sign in (-1, 1)]
    bar = joined(rod(out - half, out + half, 0.015), *posts)
    return {"lever": lever, "knob": knob, "bar": bar}


def save(path: Path, mesh: Mesh) -> None:
    """Wavefront OBJ, one normal per triangle."""
    vertices, triangles = mesh
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1)
    triangles, normals = triangles[area > 1e-12], normals[area > 1e-12]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    lines = ["# doorlab handle, made by scripts/make_handles.py, CC0"]
    lines += [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in vertices]
    lines += [f"vn {x:.4f} {y:.4f} {z:.4f}" for x, y, z in normals]
    for n, face in enumerate(triangles + 1, start=1):
        lines.append("f " + " ".join(f"{v}//{n}" for v in face))
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    folder = Path(__file__).parents[1] / "assets" / "handles"
    for name, handle in handles().items():
        save(folder / f"{name}.obj", handle)
        print(f"{name}: {len(handle[1])} triangles")
