"""Locks that let only one process at a time write to a folder.

    DIR/.lock    "PID HOST" of the process that writes to DIR; removed when it ends

The lock itself is the operating system's (flock), which is released when the process ends for any
reason. An unlocked lock file was left by a killed process. The lock is on a file, because network
file systems do not propagate locks of folders to other machines.
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

# Errors of flock on a file system without locks; 524 is the kernel's ENOTSUPP.
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, 524})

_warned: set[int] = set()  # devices of file systems for which a warning was printed


class FolderLock:
    """The lock of a folder, from construction until `release`.

    Attributes:
        was_killed: whether the previous owner of the lock was killed.
    """

    def __init__(self, folder: Path, error: type[DoorlabError] = ResultError) -> None:
        """Locks the folder, which must exist.

        Raises `error`, which names the owner, if another process has locked the folder, and
        OSError if no file can be created there.
        """
        self._file = folder / LOCK_FILE
        self._descriptor: int | None = None
        self.was_killed = False
        if sys.platform == "win32":
            return
        while self._descriptor is None:
            self._descriptor = self._try_to_lock(folder, error)
        self.was_killed = os.fstat(self._descriptor).st_size > 0
        with contextlib.suppress(OSError):  # on a full disk, for example; the lock itself is enough
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()} {platform.node()}\n".encode(), 0)

    def release(self) -> None:
        """Removes the lock file and releases the lock."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            if _is_same_file(self._descriptor, self._file):  # the folder may have been replaced
                self._file.unlink()
        unlock(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None

    def _try_to_lock(self, folder: Path, error: type[DoorlabError]) -> int | None:
        """A locked descriptor; None if the file's last owner removed it in the meantime."""
        if self._file.is_symlink():  # not created by doorlab
            self._file.unlink(missing_ok=True)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            locked = try_lock(descriptor)
            if locked is False:
                who = _holder(descriptor)
                raise error(
                    f"{folder} to be free",
                    f"{who}, which writes to it",
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
        True if this process has the lock now, False if another process has it, None if locking is
        impossible: on a file system without locks, and for folders on some network file systems.
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
    """Releases a lock immediately, even if forked processes share it."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _is_same_file(descriptor: int, file: Path) -> bool:
    try:
        current = os.stat(file, follow_symlinks=False)
        return os.path.samestat(os.fstat(descriptor), current)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):  # removed, here or on another machine
            return False
        raise


def _holder(descriptor: int) -> str:
    """Describes the owner of the lock, for messages."""
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
            "make sure that no other process writes to this folder"
        )
