"""Compiles the ray caster where that pays: compiled it is ten times as fast."""

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

_PAYS_FROM = 20_000  # images of 64 x 64; rendering this many takes as long as compiling

_COMPILER = "torch._inductor.async_compile"  # starts threads when it is imported
_compiler_of: int | None = None  # id of the last process that compiled

_Answer = TypeVar("_Answer")
_log = logging.getLogger(__name__)


class CompiledKernels:
    """`rendering.Kernels` that compile themselves; bit-identical to the eager ones on a CPU.

    Args:
        wanted: True: compile at once; False: never; None: as soon as this process has to render
            so many images that compiling pays. If compiling fails (without a compiler, for
            example), a warning is logged and eager kernels are used. A process forked from one
            that has compiled uses eager kernels, too.
    """

    # Shared by all simulators of this process, which also share compiled functions.
    _expected: ClassVar[float] = 0.0

    def __init__(self, wanted: bool | None) -> None:
        self._wanted = wanted
        self.seconds = 0.0  # duration of first calls, which compile

    def expect(self, num_images: int, image_size: int) -> None:
        """Announces that `num_images` images will be rendered."""
        CompiledKernels._expected += num_images * image_size**2 / 64**2

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
        """Renders the boxes, compiled if that pays; `casting.cast` documents the arguments."""
        of_frames, count = (*rays, planes, masks, rows, paint), len(planes)

        def compiled() -> tuple[Tensor, ...]:
            # A batch of one would trigger a separate compilation.
            parts = of_frames if count > 1 else tuple(torch.cat([t, t]) for t in of_frames)
            for t in parts:
                torch._dynamo.mark_dynamic(t, 0)
            result = _compiled(cast)(parts[:4], *parts[4:], texels, size)
            return tuple(t[:count] for t in result)

        def eager() -> tuple[Tensor, ...]:
            # The data of a few frames fit into the processor's cache.
            step = max(1, 4 * 64**2 // size**2) if planes.device.type == "cpu" else count
            pieces = [
                cast(piece[:4], piece[4], piece[5], piece[6], piece[7], texels, size)
                for piece in zip(*(t.split(step) for t in of_frames), strict=True)
            ]
            return tuple(torch.cat(parts) for parts in zip(*pieces, strict=True))

        return self._choose(compiled, eager)

    def enter(self, counts: Tensor, always: Tensor, across: Tensor, down: Tensor) -> Tensor:
        """Finds where rays enter hulls; `handles.enter` documents the arguments."""
        count, window = across.shape[-1], across.shape[-2]

        def compiled() -> Tensor:
            # Avoids dimensions of one; fast loops need a last dimension that is a multiple of 16.
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
            except Exception as error:  # whatever the reason, the eager kernels give the result
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
    """Whether the compiler can run: a forked process lacks the compiler threads of its parent."""
    global _compiler_of
    if is_forked() and _compiler_of != os.getpid() and _COMPILER in sys.modules:
        return False
    _compiler_of = os.getpid()
    return True


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function once per process: the result cannot be pickled with a simulator."""
    return torch.compile(function)
