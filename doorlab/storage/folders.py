"""Output folders: locked by one process, replaced atomically, cleaned of leftovers.

Temporary files and folders lie beside their final place, under a hidden name (`.NAME.XXXXXXXX.tmp`;
`.NAME.XXXXXXXX.old.tmp` for a replaced folder). They are locked while their process runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from doorlab.errors import ConfigError, DoorlabError, ResultError
from doorlab.storage.files import make_folder, remove, temporary_name, temporary_names, writing
from doorlab.storage.locking import LOCK_FILE, FolderLock, try_lock
from doorlab.storage.store_urls import is_remote

_ANY = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}(?P<old>\.old)?\.tmp", re.DOTALL)
_FROM_HERE, _EXCHANGE = -100, 2  # Linux: AT_FDCWD, RENAME_EXCHANGE
_NO_EXCHANGE = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP})


@contextlib.contextmanager
def output_folder(path: str | Path, error: type[DoorlabError] = ResultError) -> Iterator[bool]:
    """Creates the folder `path` and locks it against other processes during the block.

    Removes temporary files and folders of killed processes, inside and beside the folder. Restores
    the folder if a process was killed while replacing it. A folder that was created here and is
    empty at the end is removed.

    Yields whether the previous process that wrote to the folder was killed.

    Raises `error` if another process writes to the folder, ResultError if it is not writable.
    """
    path = Path(path)
    real = path.resolve()
    with writing(path):
        lock, made = _locked(path, real, error)
    try:
        remove_leftovers(real.parent, real.name, owned=True)
        remove_leftovers(real)
        yield lock.was_killed
    finally:
        lock.release()
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _locked(path: Path, real: Path, error: type[DoorlabError]) -> tuple[FolderLock, list[Path]]:
    """Locks a folder; also returns the folders created for it, the innermost first."""
    while True:
        restore_folder(real)
        made = make_folder(path)
        try:
            return FolderLock(path, error), made
        except FileNotFoundError:
            if path.exists():  # otherwise its last owner removed the empty folder
                raise


def refuse_inside(path: Path, source: Path, what: str) -> None:
    """Raises ConfigError if the output folder `path` is the input folder, or inside of it.

    No folder of this machine is inside of a URL.
    """
    if is_remote(source):
        return
    if source.resolve() in (path.resolve(), *path.resolve().parents):
        raise ConfigError(
            f"an --out outside of {what} in {source}", f"{path}", "choose another --out"
        )


@contextlib.contextmanager
def atomic_directory(path: str | Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path`, which replaces `path` if the block succeeds.

    If the block fails, the temporary folder is removed and `path` is unchanged. A link at `path`
    is replaced and its target kept; to write to the target, resolve the path first.
    """
    path = Path(path)
    with writing(path):
        make_folder(path.parent)
        temporary, descriptor = _temporary_folder(path)
    try:
        yield temporary
        with writing(path):
            replace_folder(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            remove(temporary)  # after success this is the previous folder
        if descriptor is not None:
            os.close(descriptor)


def _temporary_folder(path: Path) -> tuple[Path, int | None]:
    """Creates a folder beside `path`; returns it with the descriptor of its lock."""
    temporary = path.with_name(temporary_name(path.name))
    temporary.mkdir()
    if sys.platform == "win32":
        return temporary, None
    descriptor = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY)
    try_lock(descriptor)
    return temporary, descriptor


def replace_folder(new: Path, path: Path) -> None:
    """Renames the folder `new` to `path`; an existing `path` is then at `new`.

    If the system can exchange two names, `path` exists at every moment.
    """
    if not os.path.lexists(path):
        os.rename(new, path)
    elif not _exchange(new, path):
        old = new.with_suffix(".old.tmp")
        os.rename(path, old)
        try:
            os.rename(new, path)
        except BaseException:
            os.rename(old, path)
            raise
        os.rename(old, new)


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two names atomically; returns False if the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    if rename(_FROM_HERE, names[0], _FROM_HERE, names[1], _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NO_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))


def restore_folder(path: Path) -> None:
    """Restores the folder that a process was replacing when it was killed between two renames."""
    if os.path.lexists(path):
        return
    for old, match in _temporaries(path.parent, temporary_names(path.name)):
        if match["old"] and not _is_alive(old):
            os.rename(old, path)
            return


def remove_leftovers(folder: Path, name: str | None = None, *, owned: bool = False) -> None:
    """Removes temporary files and folders in `folder` that belong to no running process.

    Args:
        folder: folder to clean; subfolders are not searched.
        name: name of the file or folder whose temporaries are removed; None for all.
        owned: whether the caller has locked the final place, so that temporary folders may be
            removed even on file systems without folder locks.
    """
    for place, match in _temporaries(folder, temporary_names(name) if name else _ANY):
        with contextlib.suppress(OSError):  # it may belong to another user
            if _is_alive(place, otherwise=not owned):
                continue
            whole = folder / (name or match["name"])
            if match["old"] and not os.path.lexists(whole):
                place.rename(whole)
            else:
                remove(place)


def _temporaries(folder: Path, names: re.Pattern[str]) -> Iterator[tuple[Path, re.Match[str]]]:
    with contextlib.suppress(FileNotFoundError, PermissionError, NotADirectoryError):
        for name in sorted(os.listdir(folder)):
            if match := names.fullmatch(name):
                yield folder / name, match


def _is_alive(place: Path, otherwise: bool = False) -> bool:
    """Whether a process has locked a file or folder; `otherwise` if folders cannot be locked."""
    mode = place.lstat().st_mode
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        return True  # not created by doorlab
    is_folder = stat.S_ISDIR(mode)
    if is_folder and (place / LOCK_FILE).is_file() and _is_alive(place / LOCK_FILE):
        return True
    if sys.platform == "win32":
        return is_folder and otherwise
    descriptor = os.open(place, (os.O_RDONLY if is_folder else os.O_RDWR) | os.O_NOFOLLOW)
    try:
        locked = try_lock(descriptor)
    finally:
        os.close(descriptor)
    return not locked if locked is not None else is_folder and otherwise
