"""Pictures of many doors at once: tensors in, tensors out.

Shapes: D doors, M frames per door, B frames in all, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from doorlab.sim.rendering import IN_SHADOW
from doorlab.sim.torch.boxes import Boxes, boxes
from doorlab.sim.torch.cameras import Poses, Rays, poses, rays
from doorlab.sim.torch.casting import atlas, cast, faces
from doorlab.sim.torch.handles import draw_handles, enter, windows
from doorlab.sim.torch.params import DoorParams
from doorlab.sim.torch.shadows import shaded

_SMALL = 8  # pixels to a side of the windows of most handles


@runtime_checkable
class Kernels(Protocol):
    """The two functions that take most of the time."""

    def cast(
        self,
        rays: tuple[Tensor, ...],
        planes: Tensor,
        masks: Tensor,
        rows: Tensor,
        paint: Tensor,
        texels: Tensor,
        size: int,
    ) -> tuple[Tensor, ...]:
        """See `casting.cast`."""
        ...

    def enter(self, counts: Tensor, always: Tensor, across: Tensor, down: Tensor) -> Tensor:
        """See `handles.enter`."""
        ...


class _Eager:
    cast = staticmethod(cast)
    enter = staticmethod(enter)


EAGER: Kernels = _Eager()


@dataclass(frozen=True)
class Frames:
    """Pictures of B doors.

    Attributes:
        images: uint8 (B, 3, H, W), RGB.
        depth: float32 (B, H, W), m along the optical axis, `FAR` where nothing is.
        segmentation: uint8 (B, H, W), index in `doors.geometry.PARTS`.
    """

    images: Tensor
    depth: Tensor
    segmentation: Tensor


def render(
    doors: DoorParams,
    joint_positions: Tensor,
    views: Tensor,
    image_size: int,
    *,
    shadows: bool = False,
    handle_window: int | None = None,
    kernels: Kernels = EAGER,
) -> Frames:
    """One picture of every door.

    Nothing waits for the device if `handle_window` is given and shadows are not wanted.

    Args:
        doors: B doors (`DoorParams.take` repeats them), float32.
        joint_positions: (B,), rad or m.
        views: (B, 7), as `view_tensor` has them.
        image_size: pixels to a side.
        shadows: whether to draw those too, which takes several times as long.
        handle_window: pixels to a side of the square in which a handle is drawn; what is outside
            is cut off. None: as many as handles cover.
        kernels: what does the work; `compiling.CompiledKernels` is faster.
    """
    pose = poses(doors, joint_positions)
    ray, shapes = rays(pose, views), boxes(doors)
    first, needed = windows(doors, ray, image_size)
    if handle_window is None:
        buckets = _buckets(needed, image_size)
    else:
        count = len(doors)
        every = torch.arange(2 * count, device=views.device)
        buckets = [((every % count, every // count, count), min(handle_window, image_size))]

    def drawn(direct: float) -> Frames:
        canvas = _cast(doors, (shapes, pose, ray), image_size, direct, kernels)
        for which, window in buckets:
            draw_handles(canvas, which, (doors, pose, ray), first, window, kernels.enter, direct)
        return Frames(*canvas)

    seen = drawn(1.0)
    if not shadows:
        return seen
    dark = shaded(doors, shapes, pose, ray, seen.depth)[:, None]
    images = torch.where(dark, drawn(IN_SHADOW).images, seen.images)
    return Frames(images, seen.depth, seen.segmentation)


def _cast(
    doors: DoorParams,
    scene: tuple[Boxes, Poses, Rays],
    image_size: int,
    direct: float,
    kernels: Kernels,
) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures of the boxes: what `Frames` has."""
    shapes, pose, ray = scene
    light, strength = doors["appearance.light_direction"], doors["appearance.light_strength"]
    seen = faces(shapes, pose, ray, light, strength, image_size, direct)
    red, green, blue, depth, part = kernels.cast(
        (ray.origin, ray.ahead, ray.right, ray.up),
        seen.planes,
        seen.masks,
        seen.rows,
        seen.paint,
        atlas(ray.origin.device),
        image_size,
    )
    return torch.stack([red, green, blue], dim=1), depth, part


def _buckets(needed: Tensor, size: int) -> list[tuple[tuple[Tensor, Tensor, int], int]]:
    """Handles (for `draw_handles`) whose windows are about as large, and how large these are."""
    found, below, window = [], 0, _SMALL
    while below < size:
        sides, frames = ((needed > below) & (needed <= window)).T.nonzero().unbind(1)
        if len(frames):
            largest = int(needed[frames, sides].amax())
            found.append(((frames, sides, int((sides == 0).sum())), largest))
        below, window = window, 4 * window
    return found
