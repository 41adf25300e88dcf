"""Handles, drawn into pictures of the boxes: rays against hulls, in windows around each handle.

A handle covers a few pixels, so that only those are looked at: a square window, the same size for
all frames of a call.

Shapes: B frames, 2 handles (-y, +y side of the panel), P hulls, N planes, S pixels of a window.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from doorlab.doors import geometry as g
from doorlab.sim.batched.boxes import panel_centers
from doorlab.sim.batched.cameras import Poses, Rays
from doorlab.sim.batched.casting import SPECULAR, pixel_middles
from doorlab.sim.batched.columns import DoorTensors
from doorlab.sim.batched.hulls import Hulls, hulls
from doorlab.sim.pictures import NEAR

_OUT_OF_SIGHT = 1e4  # m
_NEVER = 1e15
_TINY = 1e-12


@dataclass(frozen=True)
class Handles:
    """Where handles are in the frame of their panel, (B, 2, ...).

    Attributes:
        center: (B, 2, 3), m.
        stretch: (B, 2, 3), what a point of the mesh is multiplied by before it is moved there:
            scale, and signs for the half turns.
        present: bool (B, 2).
    """

    center: Tensor
    stretch: Tensor
    present: Tensor


def handles(doors: DoorTensors) -> Handles:
    """The handles of doors: `geometry.handle_shapes`."""
    outward = torch.tensor([-1.0, 1.0], device=doors["width"].device, dtype=doors["width"].dtype)
    side = doors.side_sign[:, None].expand(-1, 2)
    _, y, _ = panel_centers(doors)
    hidden = doors.slides[:, None] & (outward == doors.swing_sign[:, None])
    center = torch.stack(
        [
            -side * doors.handle_radius[:, None],
            y[:, None] + outward * doors["thickness"][:, None] / 2,
            torch.where(hidden, _OUT_OF_SIGHT, doors["handle_height"][:, None]),
        ],
        dim=-1,
    )
    # Half turns: (0, 0, 0), (0, pi, 0), (pi, 0, 0) or (0, 0, pi) as in `geometry`.
    turn = torch.stack([side, -outward.expand_as(side), -outward * side], dim=-1)
    length = doors["handle_length"] / g.MESH_LENGTH
    lever, bar = doors.is_("handle_type", "lever"), doors.is_("handle_type", "bar")
    scale = torch.stack(
        [
            torch.where(lever, length, 1.0),
            torch.ones_like(length),
            torch.where(bar, 2 * length, 1.0),
        ],
        dim=-1,
    )
    return Handles(center, turn * scale[:, None], ~hidden)


def windows(doors: DoorTensors, rays: Rays, size: int) -> tuple[Tensor, Tensor]:
    """First column and row, int64 (B, 2, 2), of each handle's window; and pixels it needs (B,)."""
    shape, kind = handles(doors), hulls(doors["width"].device)
    low, high = (bound[doors["handle_type"]] for bound in (kind.low, kind.high))
    picks = list(itertools.product((0, 1), repeat=3))
    corners = torch.stack(
        [torch.stack([(low, high)[i][:, a] for a, i in enumerate(pick)], -1) for pick in picks], 1
    )
    points = shape.center[:, :, None] + shape.stretch[:, :, None] * corners[:, None]
    away = points - rays.origin[:, 1, None, None]
    right, up, ahead = (v[:, 1, None, None] for v in (rays.right, rays.up, rays.ahead))
    depth = (away * ahead).sum(-1)
    safe = depth.clamp(min=NEAR)
    x = (away * right).sum(-1) / (safe * (right * right).sum(-1))
    y = -(away * up).sum(-1) / (safe * (up * up).sum(-1))
    pixel = ((torch.stack([x, y], dim=-1) + 1) / 2 * size - 0.5).clamp(-1.0, size)
    first, last = pixel.amin(2).floor(), pixel.amax(2).ceil()
    crosses = ((depth < NEAR).any(-1) & (depth > NEAR).any(-1) & shape.present)[..., None]
    first = torch.where(crosses, 0.0, first).clamp(0, size - 1)
    last = torch.where(crosses, size - 1.0, last).clamp(0, size - 1)
    return first.long(), (last - first + 1).amax((1, 2)).long()


def draw_handles(
    canvas: tuple[Tensor, Tensor, Tensor],
    rows: Tensor,
    doors: DoorTensors,
    pose: Poses,
    rays: Rays,
    first: Tensor,
    window: int,
) -> None:
    """Draws over pictures in place.

    Args:
        canvas: picture, uint8 (F, 3, H, W); depth, m, (F, H, W); part, uint8 (F, H, W); contiguous.
        rows: int64 (B,), which of the F frames to draw over. The rest is about these:
        doors: B doors.
        pose: of their panels.
        rays: of the cameras.
        first: (B, 2, 2), of `windows`.
        window: pixels to a side of the windows.
    """
    picture, depth, part = canvas
    size, shape, kind = depth.shape[-1], handles(doors), hulls(depth.device)
    corner = first.clamp(max=size - window)
    steps = torch.arange(window, device=depth.device)
    columns, lines = corner[..., 0, None] + steps, corner[..., 1, None] + steps  # (B, 2, window)
    pixels = (lines[..., :, None] * size + columns[..., None, :]).flatten(2)
    entry, face = _meet(rays, shape, kind, doors["handle_type"], columns, lines, size)
    light = _light(doors, pose, shape, kind).gather(2, face)
    color = torch.floor(255.0 * doors["appearance.handle_color"])
    handle = torch.full_like(pixels[:, 0], g.PARTS.index("handle"), dtype=torch.uint8)
    flat_depth, flat_part, flat_picture = depth.view(-1), part.view(-1), picture.view(-1)
    channels = (3 * rows[:, None] + torch.arange(3, device=rows.device))[..., None] * size**2
    for h in (0, 1):  # one after the other: their windows may overlap
        at = rows[:, None] * size**2 + pixels[:, h]
        before = flat_depth[at]
        hit = entry[:, h] < before
        flat_depth[at] = torch.where(hit, entry[:, h], before)
        flat_part[at] = torch.where(hit, handle, flat_part[at])
        shade = (color[..., None] * light[:, None, h]).clamp(max=255.0).to(torch.uint8)
        wide = channels + pixels[:, None, h]
        flat_picture[wide] = torch.where(hit[:, None], shade, flat_picture[wide])


def _meet(
    rays: Rays,
    shape: Handles,
    kind: Hulls,
    types: Tensor,
    columns: Tensor,
    rows: Tensor,
    size: int,
) -> tuple[Tensor, Tensor]:
    """Depth (m, `_NEVER` at a miss) and plane, int64 from 0 to P N - 1, (B, 2, S) each."""
    x, y = (m.flatten() for m in pixel_middles(size, columns.device))
    inverse, window = 1.0 / shape.stretch, columns.shape[-1]
    origin = (rays.origin[:, 1, None] - shape.center) * inverse
    ahead, right, up = (v[:, 1, None] * inverse for v in (rays.ahead, rays.right, rays.up))
    normals = kind.normals[types].movedim(0, -2)[..., None, :]  # (P, N, B, 1, 3)
    inside = kind.offsets[types].movedim(0, -1)[..., None] - _dot(normals, origin)  # (P, N, B, 2)
    # The frames come last, so that loops over them are long, whatever the size of the window.
    across = (
        _dot(normals, ahead)[:, :, None]
        + x[columns].movedim(-1, 0) * _dot(normals, right)[:, :, None]
    )
    down = y[rows].movedim(-1, 0) * _dot(normals, up)[:, :, None]  # (P, N, window, B, 2)
    planes = inside.shape[1]
    numbers = torch.arange(planes, device=x.device, dtype=x.dtype).view(-1, 1, 1, 1, 1)
    best = torch.full_like(inside[0, 0], _NEVER).expand(window, window, -1, -1)
    face = torch.zeros_like(best)
    for p in range(len(inside)):
        along = down[p][:, :, None] + (across[p][:, None] + _TINY)  # (N, window, window, B, 2)
        at = inside[p][:, None, None] / along
        # As in `casting`, choices are products: planes count as entered where `along` < 0.
        side = along.sign()
        come = torch.add(at, side + 1.0, alpha=-_NEVER)
        leave = torch.add(at, 1.0 - side, alpha=_NEVER).amin(0)
        entry = come.amax(0)
        missed = (torch.relu(entry - leave) + torch.relu(NEAR - entry)).sign()
        plane = torch.add(numbers, (entry - come).sign(), alpha=-float(planes)).amax(0)
        entry = torch.maximum(entry, missed * _NEVER)
        nearer = torch.relu(best - entry).sign()
        face = face + nearer * (plane + p * planes - face)
        best = torch.minimum(best, entry)
    return (
        best.flatten(0, 1).movedim(0, -1),
        face.flatten(0, 1).movedim(0, -1).long(),
    )


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]


def _light(doors: DoorTensors, pose: Poses, shape: Handles, kind: Hulls) -> Tensor:
    """(B, 2, P N): the light that the hulls' planes give back."""
    sun = doors["appearance.light_direction"]
    turned = pose.into_panel(sun)[:, None] * shape.stretch.sign()  # in the frame of the mesh
    normals = kind.normals[doors["handle_type"]].flatten(1, 2)[:, None]
    straight = _dot(normals, turned[:, :, None])
    upward = normals[..., 2] * shape.stretch.sign()[..., 2, None]
    shine = (2 * straight * upward - sun[:, 2, None, None]).clamp(min=0.0)
    share = doors["appearance.light_strength"][:, None, None]
    return 1.0 - share + share * straight.clamp(min=0.0) + SPECULAR * shine * shine
