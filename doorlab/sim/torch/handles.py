"""Renders handles over images of the boxes: rays against hulls, in windows around the handles.

A handle covers a few pixels, so only pixels near it are computed: square windows, of one size for
all handles of a call.

Shapes: B frames, 2 handles (-y, +y side of the panel), n handles rendered together, P hulls,
N planes, S pixels of a window.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from doorlab.doors import geometry as g
from doorlab.sim.rendering import NEAR
from doorlab.sim.torch.boxes import panel_centers
from doorlab.sim.torch.casting import BEYOND, NOTHING_KEY, SHIFT, SIGN, SPECULAR, pixel_middles
from doorlab.sim.torch.hulls import Hulls, hulls
from doorlab.sim.torch.params import DoorParams, choose
from doorlab.sim.torch.rays import Poses, Rays

Enter = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

_OUT_OF_SIGHT = 1e4  # m
_NEVER = 1e15
_TINY = 1e-9  # m
_PLANE_BITS = 15
_ROUND_UP = 1.0 + 2.0**-19


@dataclass(frozen=True)
class HandleShapes:
    """Handles in the frame of their panel, (B, 2, ...).

    Attributes:
        center: (B, 2, 3), m.
        stretch: (B, 2, 3), factors applied to a point of the mesh before it is moved to the
            center: scale, and signs for the half turns.
        present: bool (B, 2).
    """

    center: Tensor
    stretch: Tensor
    present: Tensor


def handles(doors: DoorParams) -> HandleShapes:
    """The handles of doors, as in `geometry.handle_shapes`."""
    outward = 2.0 * torch.arange(2, device=doors["width"].device, dtype=doors["width"].dtype) - 1.0
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
    return HandleShapes(center, turn * scale[:, None], ~hidden)


def bounds(shape: HandleShapes, kind: Hulls, types: Tensor) -> tuple[Tensor, Tensor]:
    """Lower and upper corners of boxes around handles, (B, 2, 3), m, in the frame of the panel."""
    low, high = (
        shape.center + shape.stretch * bound[types][:, None] for bound in (kind.low, kind.high)
    )
    return torch.minimum(low, high), torch.maximum(low, high)


def windows(doors: DoorParams, rays: Rays, size: int) -> tuple[Tensor, Tensor]:
    """Positions of handles in images.

    Returns:
        First column and row, int64 (B, 2, 2), of each handle's window; the window's side in
        pixels, int64 (B, 2), 0 for absent handles and for those that the panel hides.
    """
    shape, kind = handles(doors), hulls(doors["width"].device)
    both = bounds(shape, kind, doors["handle_type"])
    picks = itertools.product((0, 1), repeat=3)
    points = torch.stack(
        [torch.stack([both[i][..., a] for a, i in enumerate(pick)], -1) for pick in picks], 2
    )
    away = points - rays.origin[:, 1, None, None]
    right, up, ahead = (v[:, 1, None, None] for v in (rays.right, rays.up, rays.ahead))
    depth = (away * ahead).sum(-1)
    safe = depth.clamp(min=NEAR)
    x = (away * right).sum(-1) / (safe * (right * right).sum(-1))
    y = -(away * up).sum(-1) / (safe * (up * up).sum(-1))
    pixel = ((torch.stack([x, y], dim=-1) + 1) / 2 * size - 0.5).clamp(-1.0, size)
    first, last = pixel.amin(2).floor(), pixel.amax(2).ceil()
    crosses = ((depth < NEAR).any(-1) & (depth > NEAR).any(-1))[..., None]
    first = torch.where(crosses, 0.0, first).clamp(0, size - 1)
    last = torch.where(crosses, size - 1.0, last).clamp(0, size - 1)
    visible = shape.present & ~_hidden(doors, rays.origin[:, 1], away, depth)
    needed = (last - first + 1).amax(-1) * visible
    return first.long(), needed.long()


def _hidden(doors: DoorParams, eye: Tensor, away: Tensor, depth: Tensor) -> Tensor:
    """Bool (B, 2): whether the panel hides all corners of a handle's box, and thus the handle.

    Args:
        doors: B doors.
        eye: (B, 3), m, in the frame of the panel.
        away: (B, 2, 8, 3), m, from the eye to the corners.
        depth: (B, 2, 8), m, of the corners.
    """
    half = torch.stack([doors[name] for name in ("width", "thickness", "height")], dim=-1) / 2
    to_panel = torch.stack(panel_centers(doors), dim=-1) - eye
    side = eye.new_tensor([-1.0, 1.0])  # side of the panel on which the handle is
    far = to_panel[:, None, 1] + side * half[:, None, 1]
    near = to_panel[:, None, 1] - side * half[:, None, 1]
    behind = (side * far > 0) & (side * near > 0)
    reach = torch.where(behind[..., None], away[..., 1], 1.0)
    crossing = away * (far[..., None] / reach)[..., None] - to_panel[:, None, None]
    inside = (crossing.abs() < half[:, None, None])[..., ::2].all(-1)
    in_front = depth * near[..., None] / reach > NEAR
    return behind & (inside & in_front).all(-1)


def pixels_of(first: Tensor, window: int, size: int) -> Tensor:
    """Int64 (..., S): pixel indices, in an image of size x size, of windows (..., 2)."""
    steps = torch.arange(window, device=first.device)
    corner = first.clamp(max=size - window)
    columns, rows = corner[..., 0, None] + steps, corner[..., 1, None] + steps
    return (rows[..., :, None] * size + columns[..., None, :]).flatten(-2)


def draw_handles(
    canvas: tuple[Tensor, Tensor, Tensor],
    which: tuple[Tensor, Tensor, int],
    scene: tuple[DoorParams, Poses, Rays],
    first: Tensor,
    window: int,
    entering: Enter,
    direct: float = 1.0,
) -> None:
    """Renders handles over images, in place.

    Args:
        canvas: image, uint8 (B, 3, H, W); depth, m, (B, H, W); part, uint8 (B, H, W); contiguous.
        which: frames and sides (0 or 1), int64 (n,) each, of the handles, without repeats and
            side 0 first; number of handles of side 0.
        scene: B doors, the poses of their panels, the rays of their cameras.
        first: (B, 2, 2), from `windows`.
        window: side of the windows, pixels.
        entering: `enter`, or a compiled version of it.
        direct: fraction of the non-ambient light that arrives.
    """
    (image, depth, part), (frames, sides, ahead) = canvas, which
    size, corners = depth.shape[-1], first[frames, sides]
    doors, pose, rays = scene[0].take(frames), scene[1].take(frames), scene[2].take(frames)
    rows = torch.arange(len(frames), device=frames.device)
    every = handles(doors)
    shape = HandleShapes(
        every.center[rows, sides], every.stretch[rows, sides], every.present[rows, sides]
    )
    kind, pixels = hulls(depth.device), pixels_of(corners, window, size)
    entry, face = _meet(rays, shape, kind, doors["handle_type"], corners, window, size, entering)
    light = _light(doors, pose, shape, kind, direct).gather(1, face)
    color = torch.floor(255.0 * doors["appearance.handle_color"])
    shade = (color[..., None] * light[:, None]).clamp(max=255.0).to(torch.uint8)
    flat_depth, flat_part, flat_image = depth.view(-1), part.view(-1), image.view(-1)
    channels = (3 * frames[:, None] + torch.arange(3, device=rows.device))[..., None] * size**2
    for some in (slice(None, ahead), slice(ahead, None)):  # the handles of a frame may overlap
        at = frames[some, None] * size**2 + pixels[some]
        before = flat_depth[at]
        hit = entry[some] < before
        flat_depth[at] = torch.where(hit, entry[some], before)
        flat_part[at] = torch.where(hit, g.PARTS.index("handle"), flat_part[at])
        wide = channels[some] + pixels[some, None]
        flat_image[wide] = torch.where(hit[:, None], shade[some], flat_image[wide])


def _meet(
    rays: Rays,
    shape: HandleShapes,
    kind: Hulls,
    types: Tensor,
    first: Tensor,
    window: int,
    size: int,
    entering: Enter,
) -> tuple[Tensor, Tensor]:
    """Depth (m, `_NEVER` at a miss) and plane, int64 from 0 to P N - 1, (n, S) each."""
    x, y = (m.flatten() for m in pixel_middles(size, first.device))
    inverse, corner = 1.0 / shape.stretch, first.clamp(max=size - window)
    steps = torch.arange(window, device=first.device)[:, None]
    x, y = x[corner[:, 0] + steps], y[corner[:, 1] + steps]  # (window, n)
    origin = (rays.origin[:, 1] - shape.center) * inverse
    ahead, right, up = (v[:, 1] * inverse for v in (rays.ahead, rays.right, rays.up))
    normals = kind.normals[types].movedim(0, -2)  # (P, N, n, 3)
    outside, pace = nearness_of_planes(kind, types, origin)
    # Handles are the last axis, so that inner loops are long for any size of the window.
    across = (pace * _dot(normals, ahead))[:, :, None] + x * (pace * _dot(normals, right))[
        :, :, None
    ]
    down = y * (pace * _dot(normals, up))[:, :, None]  # (P, N, window, n)
    planes = torch.arange(pace.shape[1], device=x.device, dtype=torch.int32)[:, None]
    counts = torch.where(outside, ~_PLANE_BITS, 0).to(torch.int32)
    always = torch.where(outside, planes, BEYOND)
    of_hulls = (part.movedim(0, -2).flatten(-2) for part in (counts, always, across, down))
    key, hull = entering(*of_hulls).unflatten(-1, (len(pace), -1)).max(dim=-2)
    depth = 1.0 / ((key & ~_PLANE_BITS) - SHIFT).view(torch.float32)
    plane = hull * pace.shape[1] + (key & _PLANE_BITS)
    return torch.where(key > NOTHING_KEY, depth, _NEVER).flatten(0, 1).T, plane.flatten(0, 1).T


def nearness_of_planes(kind: Hulls, types: Tensor, eyes: Tensor) -> tuple[Tensor, Tensor]:
    """Factors that convert slopes to nearnesses, (P, N, n): see `casting`.

    For every plane: whether the eye is outside of it, and the factor for the dot product of its
    normal with a ray.

    Args:
        kind: all hulls.
        types: int64 (n,), handle types.
        eyes: (n, 3), in the frames of their meshes.
    """
    normals = kind.normals[types].movedim(0, -2)
    inside = kind.offsets[types].movedim(0, -1) - _dot(normals, eyes)
    outside = inside < -_TINY
    safe = torch.where(inside.abs() < _TINY, _TINY, inside)
    return outside, choose(outside, _ROUND_UP, 1.0, safe) / safe


def enter(counts: Tensor, always: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Nearness at which rays enter hulls: int32 keys (window, window, n), small at a miss.

    Keys are those of `casting`.

    Args:
        counts: int32 (N, n): mask of the bits of the nearness at which rays enter past a plane; no
            bits if the eye is on its inner side.
        always: int32 (N, n): bits that are set.
        across: (N, window, n); sums of `across` and `down` are the nearnesses at which the rays of
            a column and a row meet the planes.
        down: (N, window, n).
    """
    into, out = _of_plane(0, counts, always, across, down)
    out = out.clamp(min=0)
    for n in range(1, len(counts)):
        enters, leaves = _of_plane(n, counts, always, across, down)
        into, out = torch.minimum(into, enters), torch.maximum(out, leaves)
    return (into + SHIFT) | ((into - out) & SIGN)


def _of_plane(
    n: int, counts: Tensor, always: Tensor, across: Tensor, down: Tensor
) -> tuple[Tensor, Tensor]:
    """Bits of the nearness at which rays enter and leave past a plane."""
    at = (down[n][:, None] + across[n]).view(torch.int32)
    return (at & counts[n]) | always[n], at & ~counts[n]


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]


def _light(
    doors: DoorParams, pose: Poses, shape: HandleShapes, kind: Hulls, direct: float
) -> Tensor:
    """(n, P N): light reflected by the hulls' planes."""
    sun, signs = doors["appearance.light_direction"], shape.stretch.sign()
    turned = pose.into_panel(sun) * signs  # in the frame of the mesh
    normals = kind.normals[doors["handle_type"]].flatten(1, 2)
    straight = _dot(normals, turned[:, None])
    shine = (2 * straight * normals[..., 2] * signs[:, 2:] - sun[:, 2:]).clamp(min=0.0)
    share = doors["appearance.light_strength"][:, None]
    return 1.0 - share + direct * (share * straight.clamp(min=0.0) + SPECULAR * shine * shine)
