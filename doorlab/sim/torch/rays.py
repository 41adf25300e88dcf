"""Camera rays, in the frames of the scene and of moved panels.

The ray through the center of pixel (row j, column k) of an image of n x n pixels is, with
x_k = (2 k + 1) / n - 1 and y_j = 1 - (2 j + 1) / n,

    p(t) = origin + t (ahead + x_k right + y_j up) ,

where t is the depth along the optical axis in meters.

Shapes: B frames; body 0 is the scene, body 1 the panel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from doorlab.sim.torch.boxes import joint_origins
from doorlab.sim.torch.params import DoorParams


@dataclass(frozen=True)
class Rays:
    """Rays of B cameras, (B, bodies, 3) each; see the module docstring."""

    origin: Tensor
    ahead: Tensor
    right: Tensor
    up: Tensor

    def take(self, rows: Tensor) -> Rays:
        """The rays at `rows`."""
        return Rays(self.origin[rows], self.ahead[rows], self.right[rows], self.up[rows])


@dataclass(frozen=True)
class Poses:
    """Poses of panels: a point p of the panel is at R p + shift in the world.

    Attributes:
        cosine: (B,), of the rotation about the vertical axis.
        sine: (B,), of the same rotation.
        shift: (B, 3), m.
    """

    cosine: Tensor
    sine: Tensor
    shift: Tensor

    def take(self, rows: Tensor) -> Poses:
        """The poses at `rows`."""
        return Poses(self.cosine[rows], self.sine[rows], self.shift[rows])

    def into_panel(self, vectors: Tensor) -> Tensor:
        """Transforms directions (B, 3) from the world frame to the panel frame."""
        x, y, z = vectors.unbind(-1)
        turned = (self.cosine * x + self.sine * y, self.cosine * y - self.sine * x, z)
        return torch.stack(turned, dim=-1)


def poses(doors: DoorParams, joint_positions: Tensor) -> Poses:
    """Poses of the panels of B doors at joint positions (B,)."""
    angle = torch.where(doors.slides, 0.0, doors.side_sign * doors.swing_sign * joint_positions)
    way = torch.where(doors.slides, doors.side_sign * joint_positions, 0.0)
    origin = joint_origins(doors)
    shift = torch.stack([origin[:, 0] + way, origin[:, 1], origin[:, 2]], dim=-1)
    return Poses(_rounded(torch.cos, angle), _rounded(torch.sin, angle), shift)


def rays(pose: Poses, views: Tensor) -> Rays:
    """Rays of the views (B, 7), in the frames of the scene and of the panel."""
    eye, target = views[:, :3], views[:, 3:6]
    ahead = _normalized(target - eye)
    nothing = torch.zeros_like(ahead[:, 0])
    right = torch.stack([ahead[:, 1], -ahead[:, 0], nothing], dim=-1)  # ahead x vertical
    right = _normalized(right)
    up = _cross(right, ahead)
    reach = _rounded(torch.tan, views[:, 6:] / 2)
    world = eye, ahead, right * reach, up * reach
    panel = (
        pose.into_panel(eye - pose.shift),
        *(pose.into_panel(vectors) for vectors in world[1:]),
    )
    both = (torch.stack(pair, dim=1) for pair in zip(world, panel, strict=True))
    return Rays(*both)


# Torch's norm and cross product round once or twice per product, and its sines come from a library
# (MKL) that depends on the processor. The following functions give the same bits on all processors.


def _rounded(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Computes `function(x)` in float64; rounding to `x`'s type drops the differing last bits."""
    return function(x.double()).to(x.dtype)


def _normalized(vectors: Tensor) -> Tensor:
    """Scales vectors (B, 3) to length 1."""
    x, y, z = vectors.unbind(-1)
    squares = _fused(z, z, _fused(y, y, x * x))
    length = squares.double().sqrt().to(vectors.dtype)
    return vectors / length.clamp(min=1e-12)[:, None]


def _cross(one: Tensor, other: Tensor) -> Tensor:
    """Cross products of vectors (B, 3)."""
    (a, b, c), (x, y, z) = one.unbind(-1), other.unbind(-1)
    rows = (_fused(b, z, -(c * y)), _fused(c, x, -(a * z)), _fused(a, y, -(b * x)))
    return torch.stack(rows, dim=-1)


def _fused(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """`a b + c` with a single rounding: products of two float32 are exact in float64."""
    return (a.double() * b.double() + c.double()).to(a.dtype)
