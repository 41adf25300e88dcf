"""Memory that this process may still use: of the machine, its control group, and `ulimit -v`."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_PROCESS = Path("/proc/self")
_CGROUPS = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Memory in bytes that this process may still use, without swap; None if it is unknown.

    Memory of files that the kernel can free counts as available. On macOS, the result is half of
    the machine's memory.
    """
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    if sys.platform == "win32":
        yield from _of_windows()
    elif _MEMINFO.exists():
        yield from _of_machine()
        yield from _of_control_groups()
        yield from _of_address_space()
    else:
        with contextlib.suppress(ValueError, OSError):
            yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _of_machine() -> Iterator[int]:
    """MemAvailable of Linux."""
    for line in _MEMINFO.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            yield int(value.split()[0]) * 1024


def _of_control_groups() -> Iterator[int]:
    """The limits of this process's control group and those above it, of containers and SLURM."""
    with contextlib.suppress(OSError, ValueError):
        for line in (_PROCESS / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "":  # version 2
                yield from _of_groups(_CGROUPS, path, "memory.max", "memory.current")
            elif "memory" in controllers.split(","):
                limit, usage = "memory.limit_in_bytes", "memory.usage_in_bytes"
                yield from _of_groups(_CGROUPS / "memory", path, limit, usage)


def _of_groups(root: Path, path: str, limit: str, usage: str) -> Iterator[int]:
    """Free memory of a group and its parents. In a container, `root` is the group itself."""
    group = root / path.lstrip("/")
    for folder in (group, *group.parents):
        with contextlib.suppress(OSError, ValueError):
            free = int((folder / limit).read_text()) - int((folder / usage).read_text())
            yield max(0, free + _file_memory(folder))
        if folder == root:
            return


def _file_memory(group: Path) -> int:
    """Memory of files in a group that the kernel frees first, bytes."""
    with contextlib.suppress(OSError, ValueError):
        for line in (group / "memory.stat").read_text().splitlines():
            name, value = line.split()
            if name in ("inactive_file", "total_inactive_file"):
                return int(value)
    return 0


def _of_address_space() -> Iterator[int]:
    """What `ulimit -v` leaves."""
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        with contextlib.suppress(OSError, ValueError):
            used = int((_PROCESS / "statm").read_text().split()[0]) * resource.getpagesize()
            yield max(0, limit - used)


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of Windows."""

    _fields_ = (
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        *((name, ctypes.c_ulonglong) for name in ("total", "available", "a", "b", "c", "d", "e")),
    )


def _of_windows() -> Iterator[int]:
    status = _MemoryStatus()
    status.length = ctypes.sizeof(status)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009, only on Windows
    if kernel.GlobalMemoryStatusEx(ctypes.byref(status)):
        yield status.available
