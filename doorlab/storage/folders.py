"""Output folders: one owner at a time, replaced as a whole, cleared of what killed processes left.

Temporary files and folders lie beside what they become, under a hidden name (`.NAME.XXXXXXXX.tmp`,
and `.NAME.XXXXXXXX.old.tmp` for what a folder was before), locked as long as their process lives.
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

_ANY = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}(?P<old>\.old)?\.tmp", re.DOTALL)
_FROM_HERE, _EXCHANGE = -100, 2  # Linux: AT_FDCWD, RENAME_EXCHANGE
_NO_EXCHANGE = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP})


@contextlib.contextmanager
def output_folder(path: str | Path, error: type[DoorlabError] = ResultError) -> Iterator[bool]:
    """Makes the folder `path` and keeps other processes from writing into it meanwhile.

    Temporary files and folders of processes that were killed are removed, in the folder and beside
    it; the folder itself comes back if one was killed while it replaced it. A folder that is made
    here and still empty at the end is removed.

    Yields whether the process that wrote into the folder before was killed.

    Raises `error` when another process writes into it, ResultError when it can't be written to.
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
    """The lock of a folder, and those folders that had to be made for it, the innermost first."""
    while True:
        restore_folder(real)
        made = make_folder(path)
        try:
            return FolderLock(path, error), made
        except FileNotFoundError:
            if path.exists():  # else removed by its last owner, as it was empty
                raise


def refuse_inside(path: Path, source: Path, what: str) -> None:
    """Raises ConfigError for an output folder that is, or lies in, what is read."""
    if source.resolve() in (path.resolve(), *path.resolve().parents):
        raise ConfigError(
            f"an --out outside of {what} in {source}", f"{path}", "choose another --out"
        )


@contextlib.contextmanager
def atomic_directory(path: str | Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path`, which takes its place when the block ends well.

    When the block fails, the temporary folder is removed and `path` is as it was. A link at `path`
    is replaced, and what it leads to stays: to write there, resolve the path first.
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
            remove(temporary)  # if all went well, what was there before
        if descriptor is not None:
            os.close(descriptor)


def _temporary_folder(path: Path) -> tuple[Path, int | None]:
    """A new folder beside `path`, and a descriptor by which it is locked."""
    temporary = path.with_name(temporary_name(path.name))
    temporary.mkdir()
    if sys.platform == "win32":
        return temporary, None
    descriptor = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY)
    try_lock(descriptor)
    return temporary, descriptor


def replace_folder(new: Path, path: Path) -> None:
    """Gives the folder `new` the name `path`; what was at `path`, if anything, is then at `new`.

    Where the system can exchange two names, there is a folder at `path` at every moment.
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
    """Exchanges two names in one operation; False where the system can't."""
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
    """Puts the folder back that a process was replacing when it was killed between two renames."""
    if os.path.lexists(path):
        return
    for old, match in _temporaries(path.parent, temporary_names(path.name)):
        if match["old"] and not _is_alive(old):
            os.rename(old, path)
            return


def remove_leftovers(folder: Path, name: str | None = None, *, owned: bool = False) -> None:
    """Removes the temporary files and folders in `folder` that belong to no living process.

    Args:
        folder: where they are; what lies deeper is left alone.
        name: of the file or folder whose temporary ones are meant; those of all when None.
        owned: whether the caller has locked what they are to become, so that temporary folders go
            even where folders can't be locked.
    """
    for place, match in _temporaries(folder, temporary_names(name) if name else _ANY):
        with contextlib.suppress(OSError):  # somebody else's, say
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
    """Whether a process has locked a file or folder; `otherwise` for a folder that has no locks."""
    mode = place.lstat().st_mode
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        return True  # none of ours
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
