"""The boxes of doors as tensors: like `doors.geometry`, for many doors at once.

Every door has the same 15 boxes in the same order, so that shapes do not depend on the doors.
Boxes that a door does not have are moved out of sight, to `_ABSENT`. A test compares the boxes with
`doors.geometry`.

Shapes: D doors, K boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from doorlab.doors import geometry as g
from doorlab.doors.door import CATEGORIES
from doorlab.sim.torch.params import DoorParams, choose

SCENE_BOXES = 10
PARTS = (0,) * 6 + (1,) * 4 + (2,) * 5  # index in `geometry.PARTS` of every box
# Index of the first box with the same extent along x, and along y, as each box.
SAME_X = (0, 1, 2, 3, 3, 3, 6, 7, 8, 9, 10, 11, 11, 13, 13)
SAME_Y = (0, 0, 0, 3, 4, 5, 6, 6, 6, 9, 10, 11, 11, 11, 11)

_PLAIN = CATEGORIES["appearance.panel_texture"].index("plain")
_ABSENT = 1e4  # m, position of boxes that a door does not have

Row = tuple[Tensor | float, ...]


@dataclass(frozen=True)
class Boxes:
    """The boxes of D doors, first those of the scene, then those of the panel.

    Attributes:
        low: (D, K, 3), m, lower corners in the frame of the box's body.
        high: (D, K, 3), m, upper corners.
        colors: (D, K, 3), in [0, 1].
        textures: int64 (D, K), index in the categories of textures.
    """

    low: Tensor
    high: Tensor
    colors: Tensor
    textures: Tensor

    def take(self, rows: Tensor) -> Boxes:
        """The boxes of the doors at `rows`."""
        return Boxes(self.low[rows], self.high[rows], self.colors[rows], self.textures[rows])


def boxes(doors: DoorParams) -> Boxes:
    """All boxes of the doors."""
    room, frame = _room(doors), _frame(doors)
    panel, inset_color, inset_texture = _panel(doors)
    rows = [*room, *frame, *panel]
    like = doors["width"]
    size = torch.stack([_column(like, row[:3]) for row in rows], dim=1)
    center = torch.stack([_column(like, row[3:]) for row in rows], dim=1)
    wall, floor = doors["appearance.wall_color"], doors["appearance.floor_color"]
    colors = [wall] * 3 + [floor, floor * 0.6, doors["appearance.room_color"]]
    colors += [doors["appearance.frame_color"]] * len(frame)
    colors += [doors["appearance.panel_color"], *[inset_color] * 4]
    wall_texture, floor_texture = (
        doors["appearance.wall_texture"],
        doors["appearance.floor_texture"],
    )
    plain = torch.full_like(wall_texture, _PLAIN)
    textures = [wall_texture] * 3 + [floor_texture] * 2 + [plain] * (1 + len(frame))
    textures += [doors["appearance.panel_texture"], *[inset_texture] * 4]
    return Boxes(
        center - size / 2,
        center + size / 2,
        torch.stack(colors, dim=1),
        torch.stack(textures, dim=1),
    )


def joint_origins(doors: DoorParams) -> Tensor:
    """(D, 3), m: origins of the panels in the world frame (`geometry.joint_origin`)."""
    pulls = doors.is_("swing", "pull")
    gap = g.FRAME_DEPTH / 2 + g.SLIDING_GAP + doors["thickness"]
    y = choose(pulls, 0.0, g.WALL_THICKNESS, doors["width"]) - torch.where(
        doors.slides, doors.swing_sign * gap, 0.0
    )
    return _column(doors["width"], (doors.side_sign * doors["width"] / 2, y, 0.0))


def panel_centers(doors: DoorParams) -> tuple[Tensor, Tensor, Tensor]:
    """X, y and z, (D,) each, m: middles of the panels in their own frames."""
    return (
        -doors.side_sign * doors["width"] / 2,
        doors.swing_sign * doors["thickness"] / 2,
        doors["height"] / 2,
    )


def _column(like: Tensor, values: Sequence[Tensor | float]) -> Tensor:
    """(D, n) from n numbers or tensors (D,)."""
    return torch.stack(
        [v if isinstance(v, Tensor) else torch.full_like(like, v) for v in values], 1
    )


def _room(doors: DoorParams) -> list[Row]:
    """Size and center, six numbers, of three walls, two floors and the back wall."""
    half = (doors["width"] + g.FRAME_WIDTH) / 2
    top = doors["height"] + g.FRAME_WIDTH / 2
    depth, tall, wide = g.WALL_THICKNESS, g.WALL_HEIGHT, g.WALL_HALF_WIDTH
    side, above = wide - half, tall - top
    y, middle = depth / 2, (half + wide) / 2
    back = depth + g.ROOM_DEPTH
    return [
        (side, depth, tall, middle, y, tall / 2),
        (side, depth, tall, -middle, y, tall / 2),
        (2 * half, depth, above, 0.0, y, top + above / 2),
        (6.0, 4.0, 0.1, 0.0, -2.0, -0.05),
        (6.0, back, 0.1, 0.0, back / 2, -0.05),
        (6.0, 0.1, tall, 0.0, back, tall / 2),
    ]


def _frame(doors: DoorParams) -> list[Row]:
    width, height, wide = doors["width"], doors["height"], g.FRAME_WIDTH
    depth, y, x = g.WALL_THICKNESS + g.FRAME_DEPTH, g.WALL_THICKNESS / 2, (width + wide) / 2
    origin = joint_origins(doors)
    rail_y = origin[:, 1] + doors.swing_sign * doors["thickness"] / 2
    rail_z = torch.where(doors.slides, height + g.RAIL / 2, _ABSENT)
    return [
        (wide, depth, height, -x, y, height / 2),
        (wide, depth, height, x, y, height / 2),
        (width + 2 * wide, depth, wide, 0.0, y, height + wide / 2),
        (2 * width, g.RAIL, g.RAIL, origin[:, 0], rail_y, rail_z),
    ]


@cache
def _glass(device: torch.device) -> Tensor:
    return torch.tensor(g.GLASS, device=device, dtype=torch.float64)


def _panel(doors: DoorParams) -> tuple[list[Row], Tensor, Tensor]:
    """Panel and four insets, and colors and textures of the insets."""
    x, y, z = panel_centers(doors)
    width, height, thick = doors["width"], doors["height"], doors["thickness"]
    style = "appearance.panel_style"
    panelled, glazed = doors.is_(style, "panelled"), doors.is_(style, "glazed")
    rows: list[Row] = [(width, thick, height, x, y, z)]
    depth = thick + g.INSET_DEPTH
    for n, (sign, at, share) in enumerate(
        [(-1, 0.25, 0.34), (-1, 0.71, 0.42), (1, 0.25, 0.34), (1, 0.71, 0.42)]
    ):
        wide, tall = torch.full_like(width, 0.34), torch.full_like(width, share)
        row, column = torch.where(panelled, at * height, _ABSENT), x + sign * 0.23 * width
        if sign < 0:  # all boxes of a column have the same width, present or not
            wide, column = torch.where(glazed, 0.6, wide), torch.where(glazed, x, column)
        if n == 0:  # glass replaces the first inset
            tall, row = torch.where(glazed, 0.42, tall), torch.where(glazed, 0.7 * height, row)
        rows.append((wide * width, depth, tall * height, column, y, row))
    color, texture = doors["appearance.panel_color"], doors["appearance.panel_texture"]
    glass = _glass(color.device).to(color)
    return (
        rows,
        torch.where(glazed[:, None], glass, color * 0.72),
        torch.where(glazed, _PLAIN, texture),
    )
