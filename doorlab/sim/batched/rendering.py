"""Pictures of many doors at once: tensors in, tensors out.

Shapes: D doors, M frames per door, B frames in all, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from doorlab.sim.batched.boxes import boxes
from doorlab.sim.batched.cameras import poses, rays
from doorlab.sim.batched.casting import atlas, cast, faces
from doorlab.sim.batched.columns import DoorTensors
from doorlab.sim.batched.handles import draw_handles, enter, windows

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
    doors: DoorTensors,
    joint_positions: Tensor,
    views: Tensor,
    image_size: int,
    *,
    handle_window: int | None = None,
    kernels: Kernels = EAGER,
) -> Frames:
    """One picture of every door. Nothing waits for the device if `handle_window` is given.

    Args:
        doors: B doors (`DoorTensors.take` repeats them), float32.
        joint_positions: (B,), rad or m.
        views: (B, 7), as `view_tensor` has them.
        image_size: pixels to a side.
        handle_window: pixels to a side of the square in which a handle is drawn; what is outside
            is cut off. None: as many as handles cover.
        kernels: what does the work; `compiling.CompiledKernels` is faster.
    """
    pose = poses(doors, joint_positions)
    ray = rays(pose, views)
    light, strength = doors["appearance.light_direction"], doors["appearance.light_strength"]
    seen = faces(boxes(doors), pose, ray, light, strength, image_size)
    red, green, blue, depth, part = kernels.cast(
        (ray.origin, ray.ahead, ray.right, ray.up),
        seen.planes,
        seen.masks,
        seen.rows,
        seen.paint,
        atlas(views.device),
        image_size,
    )
    picture = torch.stack([red, green, blue], dim=1)
    first, needed = windows(doors, ray, image_size)
    if handle_window is None:
        buckets = _buckets(needed, image_size)
    else:
        count = len(doors)
        every = torch.arange(2 * count, device=views.device)
        buckets = [((every % count, every // count, count), min(handle_window, image_size))]
    for which, window in buckets:
        draw_handles(
            (picture, depth, part), which, (doors, pose, ray), first, window, kernels.enter
        )
    return Frames(picture, depth, part)


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
