"""Shadows: rays from a lamp to the surface point of every pixel, against boxes and handles.

The lamp is where TinyRenderer puts it, `LAMP_DISTANCE` from the origin. TinyRenderer compares
the depth d of a point, seen from the lamp, with that in its shadow map, whose projection is
z = a d - b, and treats a point as lit (its code uses half of z + d as the depth of the point, and a
bias) if

    a d_map - b > (a d - b + d) / 2 - 0.05 .

The same rule is used here, so that shadows begin at the same distance behind objects: 2 to 3 cm.

Shapes: B frames, K boxes, H, W pixels, P hulls, N planes, n pixels; body 0 is the scene, body 1
the panel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from doorlab.sim.rendering import FAR, LAMP_DISTANCE, NEAR
from doorlab.sim.torch.boxes import SCENE_BOXES, Boxes
from doorlab.sim.torch.casting import SIGN, enter_and_leave, pixel_middles, planes_of
from doorlab.sim.torch.handles import bounds, handles, nearness_of_planes
from doorlab.sim.torch.hulls import hulls
from doorlab.sim.torch.params import DoorParams
from doorlab.sim.torch.rays import Poses, Rays

_STEEP = (FAR + NEAR) / (FAR - NEAR)  # a
_OFFSET = 2 * FAR * NEAR / (FAR - NEAR)  # b
_BIAS = 0.05
_PIXELS = 16 * 64**2  # processed at once on a CPU, so that the data fit into its cache


@dataclass(frozen=True)
class _Lit:
    """Rays from the lamp to the surface points.

    Attributes:
        lamps: (B, 2, 3), m, positions of the lamp in the frames of scene and panel.
        ways: for both bodies and three axes, (B, H, W): m, from the lamp to the surface points.
        limit: (B, H, W): surfaces at a larger nearness, in units of the ray, cast a shadow.
    """

    lamps: Tensor
    ways: list[list[Tensor]]
    limit: Tensor


def shaded(doors: DoorParams, boxes: Boxes, pose: Poses, rays: Rays, depth: Tensor) -> Tensor:
    """Bool (B, H, W): pixels that show a point in shadow.

    Args:
        doors: B doors.
        boxes: (B, K), boxes of the doors.
        pose: poses of the panels.
        rays: rays of the cameras.
        depth: (B, H, W), m, of the images.
    """
    count, size = len(depth), depth.shape[-1]
    step = max(1, _PIXELS // size**2) if depth.device.type == "cpu" else count
    masks = []
    for rows in torch.arange(count, device=depth.device).split(step):
        some = doors.take(rows), boxes.take(rows), pose.take(rows)
        lit = _shine(some[0], some[2], rays.take(rows), depth[rows])
        masks.append(_behind_boxes(some[1], lit) | _behind_handles(some[0], lit))
    return torch.cat(masks)


def _shine(doors: DoorParams, pose: Poses, rays: Rays, depth: Tensor) -> _Lit:
    light = doors["appearance.light_direction"]
    lamp = LAMP_DISTANCE * light
    lamps = torch.stack([lamp, pose.into_panel(lamp - pose.shift)], dim=1)
    x, y = pixel_middles(depth.shape[-1], depth.device)
    start = rays.origin - lamps

    def way(body: int, axis: int) -> Tensor:
        ahead, right, up, origin = (
            v[:, body, axis, None, None] for v in (rays.ahead, rays.right, rays.up, start)
        )
        return origin + depth * ((ahead + y * up) + x * right)

    ways = [[way(body, axis) for axis in range(3)] for body in (0, 1)]
    east, north, up = (way * light[:, a, None, None] for a, way in enumerate(ways[0]))
    away = -(east + north + up)
    least = ((_STEEP + 1) / 2 * away + (_OFFSET / 2 - _BIAS)) / _STEEP
    return _Lit(lamps, ways, away / least.clamp(min=NEAR))


def _behind_boxes(boxes: Boxes, lit: _Lit) -> Tensor:
    """Bool (B, H, W): pixels in the shadow of a box."""
    scene = _nearest(boxes.low[:, :SCENE_BOXES], boxes.high[:, :SCENE_BOXES], lit, 0)
    panel = _nearest(boxes.low[:, SCENE_BOXES:], boxes.high[:, SCENE_BOXES:], lit, 1)
    keys = torch.stack([*scene, *panel]).amax(0)
    return keys >= lit.limit.view(torch.int32)


def _nearest(low: Tensor, high: Tensor, lit: _Lit, body: int) -> list[Tensor]:
    """Bits of the nearness at which rays enter each box (B, k, 3); negative at a miss."""
    lamp = lit.lamps[:, body, None]
    planes, masks = (t[..., None, None] for t in planes_of(low - lamp, high - lamp))
    keys = []
    for k in range(low.shape[1]):
        slabs = [
            enter_and_leave(lit.ways[body][a], planes[:, :, k, a], masks[:, :, k, a])
            for a in range(3)
        ]
        enter = torch.minimum(torch.minimum(slabs[0][0], slabs[1][0]), slabs[2][0])
        leave = torch.maximum(torch.maximum(slabs[0][1], slabs[1][1]), slabs[2][1])
        keys.append(enter | ((enter - leave.clamp(min=0)) & SIGN))
    return keys


def _behind_handles(doors: DoorParams, lit: _Lit) -> Tensor:
    """Bool (B, H, W): pixels in the shadow of a handle; only rays that hit its box are tested."""
    shape, kind = handles(doors), hulls(doors["width"].device)
    low, high = bounds(shape, kind, doors["handle_type"])
    keys = torch.stack(_nearest(low, high, lit, 1), dim=1)
    frames, sides, rows, columns = (
        (keys >= lit.limit.view(torch.int32)[:, None]).nonzero().unbind(1)
    )
    pixel = frames, rows, columns
    inverse = 1.0 / shape.stretch
    lamp = (lit.lamps[:, 1, None] - shape.center) * inverse  # (B, 2, 3), in the frame of the mesh
    way = torch.stack([lit.ways[1][a][pixel] for a in range(3)], dim=-1)
    types = doors["handle_type"][frames]
    outside, pace = nearness_of_planes(kind, types, lamp[frames, sides])
    normals = kind.normals[types].movedim(0, -2)
    at = pace * (normals * (way * inverse[frames, sides])).sum(-1)  # (P, N, n)
    enter = torch.where(outside, at, torch.inf).amin(1)
    leave = torch.where(outside, 0.0, at).amax(1)
    met = ((enter > leave) & (enter >= lit.limit[pixel])).any(0)
    mask = torch.zeros_like(lit.limit, dtype=torch.bool)
    mask[frames[met], rows[met], columns[met]] = True
    return mask
