"""A door as URDF text: one hinge, and optionally everything that a camera sees.

The base link is the wall with its frame, floor and the room behind; the panel turns about the
hinge; handles on both faces turn about the spindle. World frame as in `doors.door`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from doorlab.doors.door import Color, Door
from doorlab.doors.meshes import handle_mesh

WALL_THICKNESS = 0.12  # m; the wall fills y in [0, WALL_THICKNESS]
FRAME_WIDTH = 0.07  # m
HINGE_JOINT, FRONT_HANDLE_JOINT, BACK_HANDLE_JOINT = 0, 1, 2  # joint indices in the URDF

_WALL_HALF_WIDTH = 3.0
_WALL_HEIGHT = 3.0
_ROOM_DEPTH = 2.0
_GLASS: Color = (0.72, 0.84, 0.9)
_MESH_LENGTH = 0.14  # m, of the unscaled lever and bar

Vector = tuple[float, float, float]

_ZERO: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Shape:
    """One visual of a link, in the frame of that link: a box, or a handle's mesh."""

    kind: str  # "box", or the handle type whose mesh it is
    size: Vector  # full extents of a box, m; scale of a mesh
    center: Vector  # m
    color: Color
    turn: Vector = (0.0, 0.0, 0.0)  # roll, pitch, yaw, rad


def door_urdf(door: Door, *, visuals: bool = True) -> str:
    """URDF text of the door. Without visuals it has the hinge alone, which is all that moves."""
    hinge_x, hinge_y, _ = hinge_origin(door)
    axis = door.side_sign * door.swing_sign  # positive joint positions open the door
    panel = panel_shapes(door) if visuals else []
    parts = [
        f'<robot name="door">{_link("wall", 0.0, _ZERO, _ZERO, _fixed(door, visuals))}',
        _link("panel", door.mass, _panel_center(door), _panel_inertia(door), panel),
        f'<joint name="hinge" type="revolute"><parent link="wall"/><child link="panel"/>'
        f'<origin xyz="{hinge_x!r} {hinge_y!r} 0"/><axis xyz="0 0 {axis!r}"/>'
        f'<limit lower="0" upper="{door.opening_limit!r}" effort="1e6" velocity="1e3"/>'
        f'<dynamics damping="{door.hinge_damping!r}" friction="0"/></joint>',
    ]
    if visuals:
        parts += [_handle(door, "front", -1.0), _handle(door, "back", 1.0)]
    return "".join(parts) + "</robot>"


def hinge_origin(door: Door) -> Vector:
    """The hinge axis at the floor: on the face of the wall towards which the door opens."""
    y = 0.0 if door.swing == "pull" else WALL_THICKNESS
    return (door.side_sign * door.width / 2, y, 0.0)


def panel_shapes(door: Door) -> list[Shape]:
    """The panel in its own frame (origin on the hinge axis at the floor)."""
    look = door.appearance
    x, y, z = _panel_center(door)
    shapes = [Shape("box", (door.width, door.thickness, door.height), (x, y, z), look.panel_color)]
    if look.panel_style == "panelled":
        inset = _scaled(look.panel_color, 0.72)
        columns = [x - 0.23 * door.width, x + 0.23 * door.width]
        rows = [(0.25 * door.height, 0.34), (0.71 * door.height, 0.42)]
        size = 0.34 * door.width
        boxes = [(column, row, size, share) for column in columns for row, share in rows]
    elif look.panel_style == "glazed":
        inset, boxes = _GLASS, [(x, 0.7 * door.height, 0.6 * door.width, 0.42)]
    else:
        inset, boxes = look.panel_color, []
    for column, row, width, share in boxes:
        depth = door.thickness + 0.012  # stands proud of both faces, so that it is seen
        shapes.append(Shape("box", (width, depth, share * door.height), (column, y, row), inset))
    return shapes


def handle_shape(door: Door, outward: float) -> Shape:
    """A handle in the frame of its spindle; `outward` is -1 on the robot's face, 1 on the other."""
    stretch = door.handle_length / _MESH_LENGTH
    size = {
        "lever": (stretch, 1.0, 1.0),
        "knob": (1.0, 1.0, 1.0),
        "bar": (1.0, 1.0, 2 * stretch),
    }
    # Meshes stick out to -y and levers point to +x. Half turns, unlike mirroring, keep the
    # triangles facing outwards; levers point to the hinge on both faces.
    turn = {
        (-1.0, 1.0): (0.0, 0.0, 0.0),
        (-1.0, -1.0): (0.0, math.pi, 0.0),
        (1.0, 1.0): (math.pi, 0.0, 0.0),
        (1.0, -1.0): (0.0, 0.0, math.pi),
    }[outward, door.side_sign]
    color = door.appearance.handle_color
    return Shape(door.handle_type, size[door.handle_type], _ZERO, color, turn)


def wall_shapes(door: Door) -> list[Shape]:
    """Wall, frame, floor and the room behind, in the world frame."""
    look, half, depth = door.appearance, door.width / 2, WALL_THICKNESS
    side, above = _WALL_HALF_WIDTH - half, _WALL_HEIGHT - door.height
    y, middle = depth / 2, (half + _WALL_HALF_WIDTH) / 2
    back_y = depth + _ROOM_DEPTH
    shapes = [
        Shape("box", (side, depth, _WALL_HEIGHT), (middle, y, _WALL_HEIGHT / 2), look.wall_color),
        Shape("box", (side, depth, _WALL_HEIGHT), (-middle, y, _WALL_HEIGHT / 2), look.wall_color),
        Shape("box", (2 * half, depth, above), (0.0, y, door.height + above / 2), look.wall_color),
        Shape("box", (6.0, 4.0, 0.1), (0.0, -2.0, -0.05), look.floor_color),
        Shape("box", (6.0, back_y, 0.1), (0.0, back_y / 2, -0.05), _scaled(look.floor_color, 0.6)),
        Shape("box", (6.0, 0.1, _WALL_HEIGHT), (0.0, back_y, _WALL_HEIGHT / 2), look.room_color),
    ]
    post = (FRAME_WIDTH, depth + 0.03, door.height)
    for sign in (-1.0, 1.0):
        center = (sign * (half + FRAME_WIDTH / 2), y, door.height / 2)
        shapes.append(Shape("box", post, center, look.frame_color))
    lintel = (door.width + 2 * FRAME_WIDTH, depth + 0.03, FRAME_WIDTH)
    center = (0.0, y, door.height + FRAME_WIDTH / 2)
    return [*shapes, Shape("box", lintel, center, look.frame_color)]


def _fixed(door: Door, visuals: bool) -> list[Shape]:
    return wall_shapes(door) if visuals else []


def _panel_center(door: Door) -> Vector:
    # The panel lies on the inner side of the hinge axis: behind it when it is pulled open.
    y = door.swing_sign * door.thickness / 2
    return (-door.side_sign * door.width / 2, y, door.height / 2)


def _panel_inertia(door: Door) -> Vector:
    w2, t2, h2 = door.width**2, door.thickness**2, door.height**2
    return (
        door.mass * (t2 + h2) / 12,
        door.mass * (w2 + h2) / 12,
        door.mass * (w2 + t2) / 12,
    )


def _handle(door: Door, name: str, outward: float) -> str:
    x, y, _ = _panel_center(door)
    x = -door.side_sign * door.handle_radius
    y = y + outward * door.thickness / 2
    # Clockwise as the robot sees it is a positive turn about y, which points away from it.
    return _link(name, 1e-3, _ZERO, (1e-6, 1e-6, 1e-6), [handle_shape(door, outward)]) + (
        f'<joint name="{name}" type="revolute"><parent link="panel"/><child link="{name}"/>'
        f'<origin xyz="{x!r} {y!r} {door.handle_height!r}"/><axis xyz="0 1 0"/>'
        f'<limit lower="-3.2" upper="3.2" effort="1e6" velocity="1e3"/></joint>'
    )


def _link(name: str, mass: float, center: Vector, inertia: Vector, shapes: list[Shape]) -> str:
    ixx, iyy, izz = inertia
    x, y, z = center
    return (
        f'<link name="{name}"><inertial><origin xyz="{x!r} {y!r} {z!r}"/><mass value="{mass!r}"/>'
        f'<inertia ixx="{ixx!r}" iyy="{iyy!r}" izz="{izz!r}" ixy="0" ixz="0" iyz="0"/></inertial>'
        + "".join(_visual(shape, f"{name}{i}") for i, shape in enumerate(shapes))
        + "</link>"
    )


def _visual(shape: Shape, name: str) -> str:
    x, y, z = shape.center
    red, green, blue = shape.color
    size = "{!r} {!r} {!r}".format(*shape.size)
    if shape.kind == "box":
        geometry = f'<box size="{size}"/>'
    else:
        geometry = f'<mesh filename="{handle_mesh(shape.kind)}" scale="{size}"/>'
    turn = "{!r} {!r} {!r}".format(*shape.turn)
    return (
        f'<visual><origin xyz="{x!r} {y!r} {z!r}" rpy="{turn}"/><geometry>{geometry}</geometry>'
        f'<material name="{name}"><color rgba="{red!r} {green!r} {blue!r} 1"/></material></visual>'
    )


def _scaled(color: Color, factor: float) -> Color:
    red, green, blue = color
    return (red * factor, green * factor, blue * factor)
