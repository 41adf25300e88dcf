"""Casts every pixel's ray at every box of its door, and computes the color of the first hit.

Shading is TinyRenderer's: with ambient, diffuse and specular shares a, d, s of the light from l,
a face with normal n and color c (TinyRenderer truncates it to integers) shows

    c (a + d max(0, n.l) + s max(0, r_z)^2) ,    r = 2 (n.l) n - l .

A ray of slope w along an axis meets a plane at distance p from the eye at a nearness (1 / depth)
of w / p: a product, where depth would be a quotient. It enters a box at the smallest nearness of
the planes that the eye is outside of, and leaves it at the largest of the others. Nearnesses are
compared as the integers that their bits represent. This keeps the order of positive numbers, takes
one instruction instead of four (no NaN), and leaves room for a face's number in the last six bits,
so that a single maximum finds depth and face.

`cast` needs no transcendental function, and on a CPU torch's compiler does not contract operations
by default, so compiled and eager results are bit-identical there.

Shapes: B frames, K boxes, H, W pixels; body 0 is the scene, body 1 the panel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor

from doorlab.doors.door import CATEGORIES
from doorlab.doors.textures import TILE_SIZES, texture_file
from doorlab.sim.rendering import FAR, NEAR
from doorlab.sim.torch.boxes import PARTS, SAME_X, SAME_Y, SCENE_BOXES, Boxes
from doorlab.sim.torch.params import choose
from doorlab.sim.torch.rays import Poses, Rays

SPECULAR = 0.05

_SEAM = 16.0  # whole tiles added to texture coordinates, as in `doors.meshes`
_TEXTURES = CATEGORIES["appearance.panel_texture"]
_TEXELS = 64  # per side of a texture
_FACE_BITS = 63
_TINY = 1e-9  # m; avoids division by zero for eyes on a plane
_ROUND_UP = 1.0 + 2.0**-17  # compensates for the truncated face bits, which would open cracks


def _bits(number: float) -> int:
    """The bits of a float32 without the last seven."""
    return int(np.float32(number).view(np.int32)) & ~127


BEYOND = _bits(1e36)  # nearer than any surface
SHIFT = (2**31 - 1 - _bits(1 / NEAR)) & ~127  # surfaces nearer than NEAR become negative
SIGN = -(2**31)
NOTHING_KEY = _bits(1 / FAR) + SHIFT


@dataclass(frozen=True)
class Faces:
    """The inputs of `cast` for B doors, besides rays.

    Face 1 + 3 k + a is the visible face of box k along axis a; face 0 is the background.

    Attributes:
        planes: (B, 3, K, 2), 1 / m: factors for slopes along x and y: for the plane where rays may
            enter, and two for the planes where they may leave.
        masks: int32 (B, 2, K, 2): mask of the bits of the entering nearness, and bits to set: the
            axis, and all bits if the eye is between the planes.
        rows: int32 (B, 2, K, H): bits of the nearness at which rays enter and leave along z, which
            are equal for all pixels of a row.
        paint: (B, 7, 1 + 3 K): red, green and blue, 0 to 1; light; tiles per meter; texture; the
            face's position along its axis, m, relative to the eye.
    """

    planes: Tensor
    masks: Tensor
    rows: Tensor
    paint: Tensor


@cache
def atlas(device: torch.device) -> Tensor:
    """float32 (textures 64 64,): texels, 0 to 255, of all textures; plain is white."""
    tiles = [np.full((_TEXELS, _TEXELS), 255, np.uint8)] * len(_TEXTURES)
    for n, name in enumerate(_TEXTURES):
        if name != "plain":
            tiles[n] = np.asarray(cv2.imread(str(texture_file(name)), cv2.IMREAD_GRAYSCALE))
    return torch.as_tensor(np.stack(tiles)[:, ::-1].astype(np.float32).ravel(), device=device)


def faces(
    boxes: Boxes,
    pose: Poses,
    rays: Rays,
    light: Tensor,
    strength: Tensor,
    size: int,
    direct: float = 1.0,
) -> Faces:
    """The faces of boxes visible from the eye, for B doors.

    Args:
        boxes: (B, K).
        pose: poses of the panels.
        rays: rays of the cameras.
        light: (B, 3), unit vectors towards the light.
        strength: (B,), fraction of diffuse light.
        size: pixels per side.
        direct: fraction of the non-ambient light that arrives.
    """
    eye = _of_boxes(rays.origin)
    low, high = boxes.low - eye, boxes.high - eye
    planes, masks = planes_of(low, high)
    _, y = pixel_middles(size, low.device)
    steep = (rays.ahead[:, 0, 2, None] + y[0, :, 0] * rays.up[:, 0, 2, None])[:, None]
    rows = _crossing(steep, planes[..., 2].unbind(1), masks[..., 2].unbind(1))
    side = choose(low + high > 0, -1.0, 1.0, low)  # which face of a pair is visible
    level = _levels(side, pose, light, strength, direct)
    paint = _painted(boxes, level, torch.where(side < 0, low, high))
    return Faces(planes[..., :2].contiguous(), masks[..., :2].contiguous(), rows, paint)


def _levels(side: Tensor, pose: Poses, light: Tensor, strength: Tensor, direct: float) -> Tensor:
    """(B, K, 3): light reflected by the faces of boxes with normals of sign `side` (1 or -1)."""
    straight = side * _of_boxes(torch.stack([light, pose.into_panel(light)], dim=1))
    vertical = torch.zeros_like(side)
    vertical[..., 2] = side[..., 2]
    shine = (2 * straight * vertical - light[:, None, 2:]).clamp(min=0.0)
    share = strength[:, None, None]
    return 1.0 - share + direct * (share * straight.clamp(min=0.0) + SPECULAR * shine * shine)


def _painted(boxes: Boxes, level: Tensor, where: Tensor) -> Tensor:
    """`Faces.paint` for faces with light `level` at `where` along their axes, (B, K, 3) each."""
    per_meter = _tiles_per_meter(level.device)
    texture = boxes.textures.to(level.dtype)
    paint = torch.stack(
        [
            *boxes.colors[..., None].expand(-1, -1, -1, 3).unbind(2),
            level,
            per_meter[boxes.textures][..., None].expand_as(level),
            texture[..., None].expand_as(level),
            where,
        ],
        dim=1,
    ).flatten(2)
    white = torch.ones_like(paint[..., :1])
    white[:, 5], white[:, 6] = _TEXTURES.index("plain"), 0.0
    return torch.cat([white, paint], dim=2)


def planes_of(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """`Faces.planes` and `Faces.masks`, (B, ., K, 3), of boxes (B, K, 3) relative to the eye."""
    outside = (low > _TINY) | (high < -_TINY)
    below = low + high > 0
    one, other = (1.0 / torch.where(v.abs() < _TINY, _TINY, v) for v in (low, high))
    enter = torch.where(below, one, other) * _ROUND_UP
    leave = torch.where(below, other, one)
    planes = torch.stack(
        [enter, torch.where(outside, leave, one), torch.where(outside, leave, other)], dim=1
    )
    axes = torch.arange(3, device=low.device, dtype=torch.int32)
    counts = torch.where(outside, ~_FACE_BITS, 0).to(torch.int32)
    return planes, torch.stack([counts, torch.where(outside, axes, BEYOND)], dim=1)


def _crossing(slope: Tensor, planes: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
    """Int32 (B, 2, K, H): see `Faces.rows`. Slopes are (B, 1, H), planes and masks (B, K)."""
    enter, leave, other = (slope * plane[..., None] for plane in planes)
    into = (enter.view(torch.int32) & masks[0][..., None]) | masks[1][..., None]
    out = torch.maximum(leave, other).clamp(min=0.0)
    return torch.stack([into, out.view(torch.int32)], dim=1)


def _of_boxes(of_bodies: Tensor) -> Tensor:
    """Expands values of the two bodies, (B, 2, 3), to their boxes, (B, K, 3)."""
    scene, panel = of_bodies[:, :1], of_bodies[:, 1:]
    count = len(PARTS) - SCENE_BOXES
    return torch.cat([scene.expand(-1, SCENE_BOXES, -1), panel.expand(-1, count, -1)], dim=1)


@cache
def _tiles_per_meter(device: torch.device) -> Tensor:
    """float32 (textures,): tiles per meter of every texture."""
    tiles = [1.0 / TILE_SIZES.get(name, 1.0) for name in _TEXTURES]
    return torch.tensor(tiles, dtype=torch.float32, device=device)


def pixel_middles(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """x_k (1, 1, W) and y_j (1, H, 1) of `cameras`."""
    x = (2.0 * torch.arange(size, device=device, dtype=torch.float32) + 1.0) / size - 1.0
    return x[None, None], -x[None, :, None]


def cast(
    rays: tuple[Tensor, ...],
    planes: Tensor,
    masks: Tensor,
    rows: Tensor,
    paint: Tensor,
    texels: Tensor,
    size: int,
) -> tuple[Tensor, ...]:
    """Renders the boxes: uint8 red, green, blue; depth (m); uint8 part. (B, H, W) each."""
    origin, *vectors = rays
    x, y = pixel_middles(size, planes.device)
    ways: list[list[Tensor]] = []
    for body in (0, 1):
        axes = [[v[:, body, a, None, None] for v in vectors] for a in range(3)]
        ways.append([(ahead + y * up) + x * right for ahead, right, up in axes])
    key = _nearest(ways, planes[..., None, None], masks[..., None, None], rows[..., None])
    face = (key & _FACE_BITS).to(x.dtype)
    part = _at_least(face, 1 + 3 * PARTS.index(1)) + _at_least(face, 1 + 3 * PARTS.index(2))
    return (*_paint(face, origin, ways, paint, texels), part.to(torch.uint8))


def _nearest(ways: list[list[Tensor]], planes: Tensor, masks: Tensor, rows: Tensor) -> Tensor:
    """The face that each ray meets first, in the last six bits of int32 (B, H, W)."""
    slabs: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
    best = torch.full_like(ways[0][0], 0.0).to(torch.int32) + NOTHING_KEY
    for n in range(planes.shape[2]):
        body = int(n >= SCENE_BOXES)
        for axis, same in enumerate((SAME_X[n], SAME_Y[n])):
            if (axis, same) not in slabs:
                slabs[axis, same] = enter_and_leave(
                    ways[body][axis], planes[:, :, same, axis], masks[:, :, same, axis]
                )
        across, along = slabs[0, SAME_X[n]], slabs[1, SAME_Y[n]]
        enter = torch.minimum(torch.minimum(across[0], along[0]), rows[:, 0, n])
        leave = torch.maximum(torch.maximum(across[1], along[1]), rows[:, 1, n])
        missed = (enter - leave) & SIGN
        best = torch.maximum(best, (enter + (SHIFT + 1 + 3 * n)) | missed)
    return best


def enter_and_leave(slope: Tensor, planes: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Bits of the nearness at which rays enter and leave the space between two planes."""
    enter, one, other = ((slope * planes[:, i]).view(torch.int32) for i in range(3))
    return (enter & masks[:, 0]) | masks[:, 1], torch.maximum(one, other)


def _paint(
    face: Tensor,
    origin: Tensor,
    ways: list[list[Tensor]],
    paint: Tensor,
    texels: Tensor,
) -> tuple[Tensor, ...]:
    """Red, green and blue, uint8, and depth, (B, H, W), of the faces hit by the rays."""
    flat = face.flatten(1).to(torch.int64)

    def of_face(column: int) -> Tensor:
        return torch.gather(paint[:, column], 1, flat).view_as(face)

    on_panel = _at_least(face, 1 + 3 * SCENE_BOXES)
    axis = face - 1.0 - 3.0 * torch.floor((face - 0.5) * (1 / 3))
    along_x, along_z, nothing = torch.relu(1.0 - axis), torch.relu(axis - 1.0), _no(face)
    way = [_mixed(ways[0][a], ways[1][a], on_panel) for a in range(3)]
    slope = _mixed(_mixed(way[1], way[0], along_x), way[2], along_z) + nothing
    depth = _mixed(of_face(6) / slope, FAR, nothing)
    at = [
        _mixed(origin[:, 0, a, None, None], origin[:, 1, a, None, None], on_panel) + depth * way[a]
        for a in range(3)
    ]
    u, v = _mixed(at[0], at[1], along_x), _mixed(at[2], at[1], along_z)
    per_meter = of_face(4)
    column, row = _texel(u * per_meter), _texel(-v * per_meter)
    index = ((of_face(5) * _TEXELS + row) * _TEXELS + column).to(torch.int64)
    texel, light = texels[index], of_face(3)
    colors = (
        (torch.floor(texel * of_face(c)) * light).clamp(max=255.0).to(torch.uint8) for c in range(3)
    )
    return (*colors, depth)


def _texel(tiles: Tensor) -> Tensor:
    """Index of the texel, in its row or column, at a texture coordinate (in tiles)."""
    tiles = tiles + _SEAM
    return torch.floor((tiles - torch.floor(tiles)) * _TEXELS)


# Selections are products with 0 or 1: `torch.where` takes thirty times as long on a CPU.


def _at_least(whole: Tensor, least: int) -> Tensor:
    """1 where an integer is at least `least`, 0 elsewhere."""
    return (whole - (least - 1.0)).clamp(0.0, 1.0)


def _no(whole: Tensor) -> Tensor:
    """1 where a non-negative integer is 0, 0 elsewhere."""
    return torch.relu(1.0 - whole)


def _mixed(zero: Tensor, one: Tensor | float, choice: Tensor) -> Tensor:
    """`zero` where `choice` is 0, `one` where it is 1."""
    return zero * (1.0 - choice) + one * choice
