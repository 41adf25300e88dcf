"""Visible geometry of a door, as boxes and handles; shared by all renderers.

Shapes are given in the frame of one of two bodies: the *scene* (the world frame of `doors.door`),
or the moving *panel* (origin where the joint's axis meets the floor).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from doorlab.doors.bounds import FRAME_WIDTH, WALL_HALF_WIDTH, WALL_HEIGHT
from doorlab.doors.door import Color, Door, Texture

WALL_THICKNESS = 0.12  # m; the wall fills y in [0, WALL_THICKNESS]
# Segmentation pixels are stored as the index in this tuple.
PARTS = ("surroundings", "frame", "panel", "handle")

ROOM_DEPTH = 2.0
FRAME_DEPTH = 0.03  # m, by which the frame is deeper than the wall
SLIDING_GAP = 0.02  # m, between the wall and a sliding panel
RAIL = 0.05  # m, height and depth of a sliding door's rail
GLASS: Color = (0.72, 0.84, 0.9)
INSET_DEPTH = 0.012  # m, by which insets protrude from the panel to be visible
MESH_LENGTH = 0.14  # m, of the unscaled lever and bar

Vector = tuple[float, float, float]
Coat = tuple[Color, Texture]


@dataclass(frozen=True)
class Shape:
    """A box, or the mesh of a handle, in the frame of its body.

    Textures repeat along the body's axes, at a period in meters (`doorlab.doors.textures`).
    """

    part: str  # one of PARTS
    kind: str  # "box", or the handle type whose mesh it is
    size: Vector  # full extents of a box, m; scale of a mesh
    center: Vector  # m
    color: Color
    texture: Texture = "plain"
    turn: Vector = (0.0, 0.0, 0.0)  # roll, pitch, yaw, rad: half turns only


def joint_origin(door: Door) -> Vector:
    """Origin of the panel in the world frame: on the face of the wall towards which it opens."""
    y = 0.0 if door.swing == "pull" else WALL_THICKNESS
    if door.mechanism == "sliding":
        y -= door.swing_sign * (FRAME_DEPTH / 2 + SLIDING_GAP + door.thickness)
    return (door.side_sign * door.width / 2, y, 0.0)


def grip_point(door: Door) -> Vector:
    """Point where a hand grips the closed door: on the handle's axis, in the joint's plane."""
    x, y, _ = joint_origin(door)
    return (x - door.side_sign * door.handle_radius, y, door.handle_height)


def panel_center(door: Door) -> Vector:
    """Middle of the panel in its own frame: it lies on the inner side of the hinge axis."""
    y = door.swing_sign * door.thickness / 2
    return (-door.side_sign * door.width / 2, y, door.height / 2)


def scene_shapes(door: Door) -> list[Shape]:
    """Wall, floor, the room behind, and the frame, in the world frame."""
    return [*_room(door), *_frame(door)]


def panel_shapes(door: Door) -> list[Shape]:
    """The panel and its handles, in the frame of the panel."""
    appearance, (x, y, z) = door.appearance, panel_center(door)
    color, texture = appearance.panel_color, appearance.panel_texture
    size = (door.width, door.thickness, door.height)
    shapes = [Shape("panel", "box", size, (x, y, z), color, texture)]
    if appearance.panel_style == "panelled":
        inset = replace(shapes[0], color=scaled(color, 0.72))
        columns = [x - 0.23 * door.width, x + 0.23 * door.width]
        rows = [(0.25 * door.height, 0.34), (0.71 * door.height, 0.42)]
        boxes = [(column, row, 0.34, share) for column in columns for row, share in rows]
    elif appearance.panel_style == "glazed":
        inset = replace(shapes[0], color=GLASS, texture="plain")
        boxes = [(x, 0.7 * door.height, 0.6, 0.42)]
    else:
        inset, boxes = shapes[0], []
    depth = door.thickness + INSET_DEPTH
    for column, row, width, height in boxes:
        size = (width * door.width, depth, height * door.height)
        shapes.append(replace(inset, size=size, center=(column, y, row)))
    return shapes + handle_shapes(door)


def handle_shapes(door: Door) -> list[Shape]:
    """The handles, in the frame of the panel; none between a sliding panel and its wall."""
    on_wall = door.swing_sign if door.mechanism == "sliding" else 0.0
    return [_handle(door, outward) for outward in (-1.0, 1.0) if outward != on_wall]


def scaled(color: Color, factor: float) -> Color:
    """A darker or lighter color."""
    red, green, blue = color
    return (red * factor, green * factor, blue * factor)


def _handle(door: Door, outward: float) -> Shape:
    """The handle on one face; `outward` is -1 for the robot's face, 1 for the other."""
    _, y, _ = panel_center(door)
    center = (
        -door.side_sign * door.handle_radius,
        y + outward * door.thickness / 2,
        door.handle_height,
    )
    stretch = door.handle_length / MESH_LENGTH
    size = {
        "lever": (stretch, 1.0, 1.0),
        "knob": (1.0, 1.0, 1.0),
        "bar": (1.0, 1.0, 2 * stretch),
    }[door.handle_type]
    # Meshes stick out to -y and levers point to +x. Half turns, unlike mirroring, keep the
    # triangles facing outwards; levers point to the hinge on both faces.
    turn = {
        (-1.0, 1.0): (0.0, 0.0, 0.0),
        (-1.0, -1.0): (0.0, math.pi, 0.0),
        (1.0, 1.0): (math.pi, 0.0, 0.0),
        (1.0, -1.0): (0.0, 0.0, math.pi),
    }[outward, door.side_sign]
    color = door.appearance.handle_color
    return Shape("handle", door.handle_type, size, center, color, turn=turn)


def _room(door: Door) -> list[Shape]:
    # The wall ends inside the frame, because coincident faces would flicker.
    half, top = (door.width + FRAME_WIDTH) / 2, door.height + FRAME_WIDTH / 2
    appearance, depth = door.appearance, WALL_THICKNESS
    side, above = WALL_HALF_WIDTH - half, WALL_HEIGHT - top
    y, middle = depth / 2, (half + WALL_HALF_WIDTH) / 2
    back = depth + ROOM_DEPTH
    wall: Coat = (appearance.wall_color, appearance.wall_texture)
    floor: Coat = (appearance.floor_color, appearance.floor_texture)
    behind: Coat = (scaled(appearance.floor_color, 0.6), appearance.floor_texture)
    boxes: tuple[tuple[Vector, Vector, Coat], ...] = (
        ((side, depth, WALL_HEIGHT), (middle, y, WALL_HEIGHT / 2), wall),
        ((side, depth, WALL_HEIGHT), (-middle, y, WALL_HEIGHT / 2), wall),
        ((2 * half, depth, above), (0.0, y, top + above / 2), wall),
        ((6.0, 4.0, 0.1), (0.0, -2.0, -0.05), floor),
        ((6.0, back, 0.1), (0.0, back / 2, -0.05), behind),
        ((6.0, 0.1, WALL_HEIGHT), (0.0, back, WALL_HEIGHT / 2), (appearance.room_color, "plain")),
    )
    return [
        Shape("surroundings", "box", size, center, color, texture)
        for size, center, (color, texture) in boxes
    ]


def _frame(door: Door) -> list[Shape]:
    half, y = door.width / 2, WALL_THICKNESS / 2
    depth, color = WALL_THICKNESS + FRAME_DEPTH, door.appearance.frame_color
    post = (FRAME_WIDTH, depth, door.height)
    posts = [(sign * (half + FRAME_WIDTH / 2), y, door.height / 2) for sign in (-1.0, 1.0)]
    boxes = [(post, center) for center in posts]
    lintel = (door.width + 2 * FRAME_WIDTH, depth, FRAME_WIDTH)
    boxes.append((lintel, (0.0, y, door.height + FRAME_WIDTH / 2)))
    if door.mechanism == "sliding":
        x, panel_y, _ = joint_origin(door)
        rail_y = panel_y + door.swing_sign * door.thickness / 2
        size = (2 * door.width, RAIL, RAIL)  # above the panel, closed and open
        boxes.append((size, (x, rail_y, door.height + RAIL / 2)))
    return [Shape("frame", "box", size, center, color) for size, center in boxes]
