"""Locks: one process at a time writes into a folder.

    DIR/.lock    "PID HOST" of the process that writes into DIR; removed when it ends

The lock itself is the operating system's (flock) and ends with the process, however that ends. A
lock file that nobody has locked was left by a process that was killed. The lock is on a file, as
network file systems do not pass on locks of folders to other machines.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import platform
import sys
from pathlib import Path

from doorlab.errors import DoorlabError, ResultError
from doorlab.terminal.text import print_note

if sys.platform != "win32":  # Windows has no flock; folders are not locked there
    import fcntl

LOCK_FILE = ".lock"

# What flock says on a file system that has no locks; 524 is the kernel's ENOTSUPP.
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, 524})

_warned: set[int] = set()  # devices of file systems without locks that were warned about


class FolderLock:
    """The lock of a folder, from its making until `release`.

    Attributes:
        was_killed: whether the process that had the lock before was killed.
    """

    def __init__(self, folder: Path, error: type[DoorlabError] = ResultError) -> None:
        """Locks the folder, which must exist.

        Raises `error`, which says who has it, when another process has locked the folder, and
        OSError when no file can be made there.
        """
        self._file = folder / LOCK_FILE
        self._descriptor: int | None = None
        self.was_killed = False
        if sys.platform == "win32":
            return
        while self._descriptor is None:
            self._descriptor = self._try_to_lock(folder, error)
        self.was_killed = os.fstat(self._descriptor).st_size > 0
        with contextlib.suppress(OSError):  # a full disk, say: the lock counts, not the note
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()} {platform.node()}\n".encode(), 0)

    def release(self) -> None:
        """Removes the lock file and gives the folder free."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            if _is_same_file(self._descriptor, self._file):  # the folder may have been replaced
                self._file.unlink()
        unlock(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None

    def _try_to_lock(self, folder: Path, error: type[DoorlabError]) -> int | None:
        """A locked descriptor; None when the file was removed meanwhile by its last owner."""
        if self._file.is_symlink():  # none of ours
            self._file.unlink(missing_ok=True)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            locked = try_lock(descriptor)
            if locked is False:
                who = _holder(descriptor)
                raise error(
                    f"{folder} to be free",
                    f"{who}, which writes into it",
                    "wait for it to end, or choose another folder",
                )
            if locked is None:
                _warn(folder)
            if _is_same_file(descriptor, self._file):
                kept, descriptor = descriptor, -1
                return kept
            return None
        finally:
            if descriptor >= 0:
                os.close(descriptor)


def try_lock(descriptor: int) -> bool | None:
    """Locks an open file or folder without waiting, until it is closed or the process ends.

    Returns:
        True when this process has the lock now, False when another has it, and None when it can't
        be locked: on a file system without locks, and a folder on some network file systems.
    """
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS or error.errno == errno.EBADF:
            return None
        raise
    return True


def unlock(descriptor: int) -> None:
    """Gives a lock back at once, though processes that were forked meanwhile share it."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _is_same_file(descriptor: int, file: Path) -> bool:
    try:
        found = os.stat(file, follow_symlinks=False)
        return os.path.samestat(os.fstat(descriptor), found)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):  # removed, here or on another machine
            return False
        raise


def _holder(descriptor: int) -> str:
    """Who has the lock, in words."""
    pid, _, host = os.pread(descriptor, 200, 0).decode(errors="replace").strip().partition(" ")
    if not (pid.isdigit() and host.isprintable()):
        return "another process"
    here = (str(os.getpid()), platform.node())
    return "this process" if (pid, host) == here else f"process {pid} on {host}"


def _warn(folder: Path) -> None:
    device = os.stat(folder).st_dev
    if device not in _warned and multiprocessing.parent_process() is None:
        _warned.add(device)
        print_note(
            f"warning: the file system of {folder} has no locks; "
            "see to it that no other process writes into this folder"
        )
