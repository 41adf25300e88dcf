"""Settings of glibc's allocator for processes that compute with large tensors."""

from __future__ import annotations

import contextlib
import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from glibc's malloc.h
_LARGEST_BLOCK = 2**25  # bytes, 32 MiB; older versions of glibc refuse more
_KEEP_ALL = 2**31 - 1


def keep_freed_memory() -> bool:
    """Makes this process keep freed memory for its next tensors; returns whether it can.

    By default glibc gives blocks of some MiB back to the kernel when they are freed. The kernel
    then clears the pages of the next tensor again. In a training step on a CPU this takes a fifth
    of the time. The setting is for the whole process and cannot be undone, so only programs
    change it, not the library. Other C libraries ignore it or lack it.
    """
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        settings = ((_MMAP_THRESHOLD, _LARGEST_BLOCK), (_TRIM_THRESHOLD, _KEEP_ALL))
        return all(mallopt(name, value) for name, value in settings)
    return False
