"""The ray caster, compiled where that pays: ten times as fast, once it has been compiled."""

from __future__ import annotations

import logging
import time

import torch
from torch import Tensor

from doorlab.sim.batched.casting import cast

_PAYS_FROM = 20_000  # pictures of 64 x 64: compiling takes as long as drawing so many does

_log = logging.getLogger(__name__)


class Caster:
    """`casting.cast`, or what has been compiled of it: both give the same bits.

    Args:
        compiled: True: compile at once; False: never; None: once it pays. Where compiling fails,
            for want of a compiler, say, it warns and goes on without.
    """

    def __init__(self, compiled: bool | None) -> None:
        self._wanted, self._expected = compiled, 0.0
        self._compiled = torch.compile(cast)
        self._seconds: dict[int, float] = {}  # that compiling took for an image size

    def expect(self, pictures: int, image_size: int) -> None:
        """Tells it that so many pictures are to come."""
        self._expected += pictures * image_size**2 / 64**2

    def __call__(
        self,
        rays: tuple[Tensor, ...],
        low: Tensor,
        high: Tensor,
        paint: Tensor,
        texels: Tensor,
        size: int,
    ) -> tuple[Tensor, ...]:
        """See `casting.cast`."""
        pays = self._wanted is None and self._expected >= _PAYS_FROM
        of_frames = (*rays, low, high, paint)
        if self._wanted or pays:
            try:
                return self._run_compiled(of_frames, texels, size)
            except Exception as error:  # whatever it is, the answer can be had without
                _log.warning("the ray caster runs uncompiled: %s", error)
                self._wanted = False
        # What few frames need stays in the processor's cache.
        step = max(1, 4 * 64**2 // size**2) if low.device.type == "cpu" else len(low)
        pieces = [
            cast(piece[:4], piece[4], piece[5], piece[6], texels, size)
            for piece in zip(*(t.split(step) for t in of_frames), strict=True)
        ]
        return tuple(torch.cat(parts) for parts in zip(*pieces, strict=True))

    def _run_compiled(
        self, of_frames: tuple[Tensor, ...], texels: Tensor, size: int
    ) -> tuple[Tensor, ...]:
        count = len(of_frames[0])
        if count == 1:  # a batch of one would be compiled for itself
            of_frames = tuple(torch.cat([t, t]) for t in of_frames)
        for t in of_frames:
            torch._dynamo.mark_dynamic(t, 0)
        start = time.perf_counter()
        rays, (low, high, paint) = of_frames[:4], of_frames[4:]
        result = self._compiled(rays, low, high, paint, texels, size)
        if size not in self._seconds:
            self._seconds[size] = time.perf_counter() - start
            _log.info("compiling the ray caster took %.1f s", self._seconds[size])
        return tuple(t[:count] for t in result)
