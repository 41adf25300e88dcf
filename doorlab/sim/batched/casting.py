"""Every pixel's ray against every box of its door, and the colour of what it meets first.

Shading is TinyRenderer's: with ambient, diffuse and specular shares a, d, s of the light from l,
a face with normal n and colour c (TinyRenderer truncates it to whole numbers) shows

    c (a + d max(0, n.l) + s max(0, r_z)^2) ,    r = 2 (n.l) n - l .

Nothing in `cast` needs a transcendental function, and compilers are told not to contract: so it
gives the same bits compiled or not.

Shapes: B frames, K boxes, H, W pixels; body 0 is the scene, body 1 the panel.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor

from doorlab.doors.door import CATEGORIES
from doorlab.doors.textures import TILE_SIZES, texture_file
from doorlab.sim.batched.boxes import PARTS, SCENE_BOXES, Boxes
from doorlab.sim.batched.cameras import Poses
from doorlab.sim.pictures import FAR, NEAR

SPECULAR = 0.05

_SEAM = 16.0  # whole tiles added to texture coordinates, as `doors.meshes` does
_TEXTURES = CATEGORIES["appearance.panel_texture"]
_TEXELS = 64  # to a side of a texture
_FACE_BITS = 63
_DEPTH_STEPS = 2.0**20  # per metre
_NOTHING_KEY = int(FAR * _DEPTH_STEPS) * (_FACE_BITS + 1)
_TINY = 1e-9  # keeps rays along an axis from dividing by zero


@dataclass(frozen=True)
class Faces:
    """What `cast` needs of B doors.

    Face 1 + 3 k + a is that of box k that is seen along axis a; face 0 is nothing.

    Attributes:
        low: (B, K, 3), m, from the eye, in the frame of the box's body.
        high: (B, K, 3), m.
        paint: (B, 7, 1 + 3 K): red, green and blue, 0 to 1; light; tiles per metre; texture; where
            the face is along its axis, m, from the eye.
    """

    low: Tensor
    high: Tensor
    paint: Tensor


@cache
def atlas(device: torch.device) -> Tensor:
    """float32 (textures 64 64,): the texels, 0 to 255, of all textures; plain is white."""
    tiles = [np.full((_TEXELS, _TEXELS), 255, np.uint8)] * len(_TEXTURES)
    for n, name in enumerate(_TEXTURES):
        if name != "plain":
            tiles[n] = np.asarray(cv2.imread(str(texture_file(name)), cv2.IMREAD_GRAYSCALE))
    return torch.as_tensor(np.stack(tiles)[:, ::-1].astype(np.float32).ravel(), device=device)


def faces(boxes: Boxes, pose: Poses, eyes: Tensor, light: Tensor, strength: Tensor) -> Faces:
    """Boxes as an eye sees them, all of B doors.

    Args:
        boxes: (B, K).
        pose: of the panels.
        eyes: (B, 2, 3), m, in the frames of scene and panel.
        light: (B, 3), unit vectors towards the light.
        strength: (B,), share of diffuse light.
    """
    eye = _of_boxes(eyes)
    low, high = boxes.low - eye, boxes.high - eye
    side = torch.where(low + high > 0, -1.0, 1.0)  # which face of a pair the eye sees
    light_in_panel = pose.into_panel(light)
    straight = side * _of_boxes(torch.stack([light, light_in_panel], dim=1))
    vertical = torch.zeros_like(side)
    vertical[..., 2] = side[..., 2]
    shine = (2 * straight * vertical - light[:, None, 2:]).clamp(min=0.0)
    share = strength[:, None, None]
    level = 1.0 - share + share * straight.clamp(min=0.0) + SPECULAR * shine * shine
    per_metre = _tiles_per_metre(level.device)
    texture = boxes.textures.to(level.dtype)
    paint = torch.stack(
        [
            *boxes.colors[..., None].expand(-1, -1, -1, 3).unbind(2),
            level,
            per_metre[boxes.textures][..., None].expand_as(level),
            texture[..., None].expand_as(level),
            torch.where(side < 0, low, high),
        ],
        dim=1,
    ).flatten(2)
    white = torch.ones_like(paint[..., :1])
    white[:, 5], white[:, 6] = _TEXTURES.index("plain"), 0.0
    return Faces(low, high, torch.cat([white, paint], dim=2).contiguous())


def _of_boxes(of_bodies: Tensor) -> Tensor:
    """(B, K, 3): to every box what its body, of (B, 2, 3), has."""
    scene, panel = of_bodies[:, :1], of_bodies[:, 1:]
    count = len(PARTS) - SCENE_BOXES
    return torch.cat([scene.expand(-1, SCENE_BOXES, -1), panel.expand(-1, count, -1)], dim=1)


@cache
def _tiles_per_metre(device: torch.device) -> Tensor:
    """float32 (textures,)."""
    return torch.tensor([1.0 / TILE_SIZES.get(name, 1.0) for name in _TEXTURES], device=device)


def pixel_middles(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """x_k (1, 1, W) and y_j (1, H, 1) of `cameras`."""
    x = (2.0 * torch.arange(size, device=device, dtype=torch.float32) + 1.0) / size - 1.0
    return x[None, None], -x[None, :, None]


def cast(
    rays: tuple[Tensor, ...], low: Tensor, high: Tensor, paint: Tensor, texels: Tensor, size: int
) -> tuple[Tensor, ...]:
    """Pictures of the boxes: uint8 red, green, blue; depth (m); uint8 part. (B, H, W) each."""
    origin, *vectors = rays
    x, y = pixel_middles(size, low.device)
    ways: list[list[Tensor]] = []
    for body in (0, 1):
        axes = [[v[:, body, a, None, None] for v in vectors] for a in range(3)]
        ways.append([ahead + y * up + x * right for ahead, right, up in axes])
    slopes = [[1.0 / (w + _TINY) for w in way] for way in ways]
    k = SCENE_BOXES
    scene = _first(low[:, :k], high[:, :k], slopes[0], 0)
    panel = _first(low[:, k:], high[:, k:], slopes[1], k)
    face = (torch.minimum(scene, panel).clamp(max=_NOTHING_KEY) & _FACE_BITS).to(x.dtype)
    part = _at_least(face, 1 + 3 * PARTS.index(1)) + _at_least(face, 1 + 3 * PARTS.index(2))
    return (*_paint(face, origin, ways, slopes, paint, texels), part.to(torch.uint8))


def _first(low: Tensor, high: Tensor, slopes: list[Tensor], offset: int) -> Tensor:
    """The face that rays meet first, in the last six bits of int32 (B, H, W).

    The bits above hold the depth in steps of a micrometre: one minimum finds both.
    """
    keys = (
        _key(low[:, n, None, None], high[:, n, None, None], slopes, offset + n)
        for n in range(low.shape[1])
    )
    return functools.reduce(torch.minimum, keys)


def _key(low: Tensor, high: Tensor, slopes: list[Tensor], number: int) -> Tensor:
    """Depth and face (see `_first`) where rays enter boxes from `low` to `high` (..., 3)."""
    into, out = [], []
    for a in range(3):
        one, other = low[..., a] * slopes[a], high[..., a] * slopes[a]
        into.append(torch.minimum(one, other))
        out.append(torch.maximum(one, other))
    entry = torch.maximum(torch.maximum(into[0], into[1]), into[2])
    leave = torch.minimum(torch.minimum(out[0], out[1]), out[2])
    missed = (torch.relu(entry - leave) + torch.relu(NEAR - entry)).sign()
    not_x, not_y = (entry - into[0]).sign(), (entry - into[1]).sign()
    face = not_x + not_x * not_y + (3 * number + 1)
    depth = torch.maximum(entry, missed * FAR).clamp(max=FAR)
    steps = (depth * _DEPTH_STEPS).to(torch.int32) * (_FACE_BITS + 1)
    return steps + face.to(torch.int32)


def _paint(
    face: Tensor,
    origin: Tensor,
    ways: list[list[Tensor]],
    slopes: list[list[Tensor]],
    paint: Tensor,
    texels: Tensor,
) -> tuple[Tensor, ...]:
    """Red, green and blue, uint8, and depth, (B, H, W), of the faces that were met."""
    flat = face.flatten(1).to(torch.int64)

    def of_face(column: int) -> Tensor:
        return torch.gather(paint[:, column], 1, flat).view_as(face)

    on_panel = _at_least(face, 1 + 3 * SCENE_BOXES)
    axis = face - 1.0 - 3.0 * torch.floor((face - 0.5) * (1 / 3))
    along_x, along_z, nothing = torch.relu(1.0 - axis), torch.relu(axis - 1.0), _no(face)
    slope = [_mixed(slopes[0][a], slopes[1][a], on_panel) for a in range(3)]
    across = _mixed(_mixed(slope[1], slope[0], along_x), slope[2], along_z)
    depth = _mixed(of_face(6) * across, FAR, nothing)
    at = [
        _mixed(origin[:, 0, a, None, None], origin[:, 1, a, None, None], on_panel)
        + depth * _mixed(ways[0][a], ways[1][a], on_panel)
        for a in range(3)
    ]
    u, v = _mixed(at[0], at[1], along_x), _mixed(at[2], at[1], along_z)
    per_metre = of_face(4)
    column, row = _texel(u * per_metre), _texel(-v * per_metre)
    index = ((of_face(5) * _TEXELS + row) * _TEXELS + column).to(torch.int64)
    texel, light = texels[index], of_face(3)
    colors = (
        (torch.floor(texel * of_face(c)) * light).clamp(max=255.0).to(torch.uint8) for c in range(3)
    )
    return (*colors, depth)


def _texel(tiles: Tensor) -> Tensor:
    """Which texel of its row or column a texture coordinate (in tiles) falls on."""
    tiles = tiles + _SEAM
    return torch.floor((tiles - torch.floor(tiles)) * _TEXELS)


# Choices are products with 0 or 1: `torch.where` takes thirty times as long on a CPU.


def _at_least(whole: Tensor, least: int) -> Tensor:
    """1 where a whole number is at least so large, 0 elsewhere."""
    return (whole - (least - 1.0)).clamp(0.0, 1.0)


def _no(whole: Tensor) -> Tensor:
    """1 where a whole number from 0 on is 0, 0 elsewhere."""
    return torch.relu(1.0 - whole)


def _mixed(zero: Tensor, one: Tensor | float, choice: Tensor) -> Tensor:
    """`zero` or `one` as the choice says."""
    return zero * (1.0 - choice) + one * choice
