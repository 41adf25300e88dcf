"""Exports a door as URDF text for other simulators: one joint, and the visible shapes.

The base link is the scene (wall, frame, floor, the room behind); the panel with its handles rotates
or slides. World frame as in `doors.door`. URDF has no closers, latches, stiction or textures.
"""

from __future__ import annotations

from collections.abc import Sequence

from doorlab.doors.door import Door
from doorlab.doors.geometry import (
    Shape,
    Vector,
    joint_origin,
    panel_center,
    panel_shapes,
    scene_shapes,
)
from doorlab.doors.meshes import handle_file


def door_urdf(door: Door, *, visuals: bool = True) -> str:
    """URDF text of the door. Without visuals it contains links and the joint, but no shapes.

    Positive joint positions open the door.
    """
    slides = door.mechanism == "sliding"
    axis = (door.side_sign, 0.0, 0.0) if slides else (0.0, 0.0, door.side_sign * door.swing_sign)
    scene, panel = (scene_shapes(door), panel_shapes(door)) if visuals else ([], [])
    return (
        '<robot name="door">'
        + _link("scene", 0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), scene)
        + _link("panel", door.mass, panel_center(door), _panel_inertia(door), panel)
        + f'<joint name="joint" type="{"prismatic" if slides else "revolute"}">'
        + '<parent link="scene"/><child link="panel"/>'
        + f'<origin xyz="{_numbers(joint_origin(door))}"/><axis xyz="{_numbers(axis)}"/>'
        + f'<limit lower="0" upper="{door.opening_limit!r}" effort="1e6" velocity="1e3"/>'
        + f'<dynamics damping="{door.hinge_damping!r}" friction="{door.hinge_friction!r}"/>'
        + "</joint></robot>"
    )


def _panel_inertia(door: Door) -> Vector:
    w2, t2, h2 = door.width**2, door.thickness**2, door.height**2
    return (
        door.mass * (t2 + h2) / 12,
        door.mass * (w2 + h2) / 12,
        door.mass * (w2 + t2) / 12,
    )


def _link(name: str, mass: float, center: Vector, inertia: Vector, shapes: Sequence[Shape]) -> str:
    ixx, iyy, izz = inertia
    return (
        f'<link name="{name}"><inertial><origin xyz="{_numbers(center)}"/><mass value="{mass!r}"/>'
        f'<inertia ixx="{ixx!r}" iyy="{iyy!r}" izz="{izz!r}" ixy="0" ixz="0" iyz="0"/></inertial>'
        + "".join(_visual(shape, f"{name}{i}") for i, shape in enumerate(shapes))
        + "</link>"
    )


def _visual(shape: Shape, name: str) -> str:
    size = _numbers(shape.size)
    if shape.kind == "box":
        geometry = f'<box size="{size}"/>'
    else:
        geometry = f'<mesh filename="{handle_file(shape.kind)}" scale="{size}"/>'
    return (
        f'<visual><origin xyz="{_numbers(shape.center)}" rpy="{_numbers(shape.turn)}"/>'
        f"<geometry>{geometry}</geometry>"
        f'<material name="{name}"><color rgba="{_numbers(shape.color)} 1"/></material></visual>'
    )


def _numbers(values: Vector) -> str:
    return " ".join(repr(value) for value in values)
