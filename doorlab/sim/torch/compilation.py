"""The ray caster, compiled where that pays: ten times as fast, once it has been compiled."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from doorlab.runtime.compile_cache import private_compile_cache
from doorlab.runtime.torch_state import is_forked
from doorlab.sim.torch.casting import cast
from doorlab.sim.torch.handles import enter

_PAYS_FROM = 20_000  # pictures of 64 x 64: compiling takes as long as drawing so many does

_COMPILER = "torch._inductor.async_compile"  # starts threads when it is imported
_compiler_of: int | None = None  # the process that has compiled last

_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)


class CompiledKernels:
    """`rendering.Kernels` that compile themselves; on a CPU with the bits of the eager ones.

    Args:
        wanted: True: compile at once; False: never; None: once this process was asked for so many
            pictures that it pays. Where compiling fails, for want of a compiler, say, it warns and
            goes on without. A process that was forked from one that has compiled goes on without.
    """

    # Of all in this process, which share what has been compiled: simulators come and go.
    _expected: ClassVar[float] = 0.0

    def __init__(self, wanted: bool | None) -> None:
        self._wanted = wanted
        self.seconds = 0.0  # of first calls, which compile

    def expect(self, pictures: int, image_size: int) -> None:
        """Tells it that so many pictures are to come."""
        CompiledKernels._expected += pictures * image_size**2 / 64**2

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
        of_frames, count = (*rays, planes, masks, rows, paint), len(planes)

        def compiled() -> tuple[Tensor, ...]:
            # A batch of one would be compiled for itself.
            parts = of_frames if count > 1 else tuple(torch.cat([t, t]) for t in of_frames)
            for t in parts:
                torch._dynamo.mark_dynamic(t, 0)
            result = _compiled(cast)(parts[:4], *parts[4:], texels, size)
            return tuple(t[:count] for t in result)

        def eager() -> tuple[Tensor, ...]:
            # What few frames need stays in the processor's cache.
            step = max(1, 4 * 64**2 // size**2) if planes.device.type == "cpu" else count
            pieces = [
                cast(piece[:4], piece[4], piece[5], piece[6], piece[7], texels, size)
                for piece in zip(*(t.split(step) for t in of_frames), strict=True)
            ]
            return tuple(torch.cat(parts) for parts in zip(*pieces, strict=True))

        return self._choose(compiled, eager)

    def enter(self, counts: Tensor, always: Tensor, across: Tensor, down: Tensor) -> Tensor:
        """See `handles.enter`."""
        count, window = across.shape[-1], across.shape[-2]

        def compiled() -> Tensor:
            # No dimension of one, and fast loops need the last to be a multiple of 16.
            more, lines = -count % 16, max(0, 2 - window)
            parts = (
                torch.nn.functional.pad(counts, (0, more)),
                torch.nn.functional.pad(always, (0, more)),
                torch.nn.functional.pad(across, (0, more, 0, lines)),
                torch.nn.functional.pad(down, (0, more, 0, lines)),
            )
            for t in parts[:2]:
                torch._dynamo.mark_dynamic(t, 1)
            for t in parts[2:]:
                torch._dynamo.mark_dynamic(t, (1, 2))
            return _compiled(enter)(*parts)[:window, :window, :count]

        return self._choose(compiled, lambda: enter(counts, always, across, down))

    def _choose(self, compiled: Callable[[], _Answer], eager: Callable[[], _Answer]) -> _Answer:
        pays = self._wanted is None and self._expected >= _PAYS_FROM
        if (self._wanted or pays) and _can_compile():
            start = time.perf_counter()
            try:
                with private_compile_cache():
                    result = compiled()
            except Exception as error:  # whatever it is, the answer can be had without
                _log.warning("the ray caster runs uncompiled: %s", error)
                self._wanted = False
                return eager()
            seconds = time.perf_counter() - start
            if seconds > 1.0:
                self.seconds += seconds
                _log.info("compiling the ray caster took %.1f s", seconds)
            return result
        return eager()


def _can_compile() -> bool:
    """Whether the compiler's threads are there: a process that was forked lacks its parent's."""
    global _compiler_of
    if is_forked() and _compiler_of != os.getpid() and _COMPILER in sys.modules:
        return False
    _compiler_of = os.getpid()
    return True


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """One for all simulators of this process: it can't be pickled, so none of them has its own."""
    return torch.compile(function)
