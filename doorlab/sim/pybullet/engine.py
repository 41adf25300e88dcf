"""PyBullet, imported and used without what it prints from C."""

from __future__ import annotations

import contextlib
import ctypes
import os
import weakref
from collections.abc import Callable, Iterator

from doorlab.errors import SimulatorError


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences standard output and error below Python, where the engine writes its remarks."""
    flush = ctypes.CDLL(None).fflush  # what C has buffered belongs before or inside the silence
    flush(None)
    saved = [(fd, os.dup(fd)) for fd in (1, 2)]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        for fd, _ in saved:
            os.dup2(null, fd)
        yield
    finally:
        flush(None)
        for fd, copy in saved:
            os.dup2(copy, fd)
            os.close(copy)
        os.close(null)


with quiet():
    import pybullet

__all__ = ["connect", "pybullet", "quiet"]


def connect(owner: object) -> tuple[int, Callable[[], object]]:
    """A world without a window: its client, and what disconnects it (twice is harmless).

    An `owner` that is dropped without that frees its slot in the engine all the same.
    """
    with quiet():
        client = pybullet.connect(pybullet.DIRECT)
    if client < 0:
        raise SimulatorError(
            "a PyBullet world", "no free slot (PyBullet allows 1,024)", "close some simulators"
        )
    return client, weakref.finalize(owner, pybullet.disconnect, client)
