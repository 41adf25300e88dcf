"""Renders images of many doors at once: tensors in, tensors out.

Shapes: D doors, M frames per door, B frames in total, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from doorlab.sim.rendering import IN_SHADOW
from doorlab.sim.torch.boxes import Boxes, boxes
from doorlab.sim.torch.casting import atlas, cast, faces
from doorlab.sim.torch.handles import draw_handles, enter, windows
from doorlab.sim.torch.params import DoorParams
from doorlab.sim.torch.rays import Poses, Rays, poses, rays
from doorlab.sim.torch.shadows import shaded

_SMALL = 8  # window size of most handles, pixels per side


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
        """Renders the boxes; `casting.cast` documents the arguments."""
        ...

    def enter(self, counts: Tensor, always: Tensor, across: Tensor, down: Tensor) -> Tensor:
        """Finds where rays enter hulls; `handles.enter` documents the arguments."""
        ...


class _Eager:
    cast = staticmethod(cast)
    enter = staticmethod(enter)


EAGER: Kernels = _Eager()


@dataclass(frozen=True)
class Frames:
    """Images of B doors.

    Attributes:
        images: uint8 (B, 3, H, W), RGB.
        depth: float32 (B, H, W), m along the optical axis, `FAR` for the background.
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
    """Renders one image of every door.

    With a `handle_window` and without shadows, the function never waits for the device.

    Args:
        doors: B doors (`DoorParams.take` repeats them), float32.
        joint_positions: (B,), rad or m.
        views: (B, 7), from `view_tensor`.
        image_size: pixels per side.
        shadows: whether to render shadows, which takes several times as long.
        handle_window: pixels per side of the square in which a handle is rendered; anything outside
            is cut off. None: as large as the handles require.
        kernels: ray-casting functions; `compilation.CompiledKernels` is faster.
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

    def lit(direct: float) -> Frames:
        canvas = _cast(doors, (shapes, pose, ray), image_size, direct, kernels)
        for which, window in buckets:
            draw_handles(canvas, which, (doors, pose, ray), first, window, kernels.enter, direct)
        return Frames(*canvas)

    frames = lit(1.0)
    if not shadows:
        return frames
    dark = shaded(doors, shapes, pose, ray, frames.depth)[:, None]
    images = torch.where(dark, lit(IN_SHADOW).images, frames.images)
    return Frames(images, frames.depth, frames.segmentation)


def _cast(
    doors: DoorParams,
    scene: tuple[Boxes, Poses, Rays],
    image_size: int,
    direct: float,
    kernels: Kernels,
) -> tuple[Tensor, Tensor, Tensor]:
    """Renders the boxes: image, depth and segmentation as in `Frames`."""
    shapes, pose, ray = scene
    light, strength = doors["appearance.light_direction"], doors["appearance.light_strength"]
    visible = faces(shapes, pose, ray, light, strength, image_size, direct)
    red, green, blue, depth, part = kernels.cast(
        (ray.origin, ray.ahead, ray.right, ray.up),
        visible.planes,
        visible.masks,
        visible.rows,
        visible.paint,
        atlas(ray.origin.device),
        image_size,
    )
    return torch.stack([red, green, blue], dim=1), depth, part


def _buckets(needed: Tensor, size: int) -> list[tuple[tuple[Tensor, Tensor, int], int]]:
    """Groups handles by window size: arguments of `draw_handles`, and the window of each group."""
    buckets, below, window = [], 0, _SMALL
    while below < size:
        sides, frames = ((needed > below) & (needed <= window)).T.nonzero().unbind(1)
        if len(frames):
            largest = int(needed[frames, sides].amax())
            buckets.append(((frames, sides, int((sides == 0).sum())), largest))
        below, window = window, 4 * window
    return buckets
