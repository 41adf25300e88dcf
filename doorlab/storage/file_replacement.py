"""Replaces the files of a folder one by one, and keeps the files of other programs.

Used for a folder that `folders.atomic_directory` cannot replace as a whole: it holds other files,
is a mount point, or lies in a folder without write permission. New files are first written to a
hidden folder inside. If a process is killed after that, the next process completes the replacement.

    DIR/.doorlab-new/        the new files are being written
    DIR/.doorlab-complete/   all new files are written; old files are being removed
    DIR/.doorlab-moving/     the new files are being moved to their places
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from doorlab.storage.files import make_folder, remove, writing
from doorlab.storage.folders import atomic_directory
from doorlab.storage.locking import LOCK_FILE

IsOurs = Callable[[str], bool]
"""Whether a relative path, with slashes, may be replaced or removed."""

_NEW, _COMPLETE, _MOVING = (f".doorlab-{state}" for state in ("new", "complete", "moving"))


@contextlib.contextmanager
def replacing_files(path: Path, last: str, is_ours: IsOurs) -> Iterator[Path]:
    """Yields a temporary folder whose files replace those of `path` if the block succeeds.

    The folder is replaced as a whole if possible, otherwise file by file, which keeps files of
    other programs. If the block fails, `path` is unchanged.

    Args:
        path: an existing folder, not a link, locked by this process
            (`folders.output_folder`).
        last: file, relative to `path`, that is absent while other files are being replaced.
        is_ours: tells which old files to remove.
    """
    if _can_be_replaced(path, is_ours):
        with atomic_directory(path) as folder:
            yield folder
        return
    with writing(path):
        complete_replacement(path, last, is_ours)
        make_folder(path / _NEW)
    try:
        yield path / _NEW
        with writing(path):
            os.rename(path / _NEW, path / _COMPLETE)
    finally:
        with writing(path):
            complete_replacement(path, last, is_ours)


def complete_replacement(path: Path, last: str, is_ours: IsOurs) -> None:
    """Completes a replacement by a killed process; arguments as for `replacing_files`."""
    new, complete, moving = (path / state for state in (_NEW, _COMPLETE, _MOVING))
    remove(new)
    if complete.is_dir():
        for file in (last, *_files_below(path)):
            if is_ours(file):
                remove(path / file)
                with contextlib.suppress(OSError):
                    (path / file).parent.rmdir()  # succeeds if the folder is empty
        os.rename(complete, moving)
    if moving.is_dir():
        files = [file for file in _files_below(moving) if not (moving / file).is_dir()]
        for file in sorted(files, key=lambda file: (file == last, file)):
            make_folder((path / file).parent)
            os.replace(moving / file, path / file)
        remove(moving)


def _can_be_replaced(path: Path, is_ours: IsOurs) -> bool:
    """Whether the folder can be replaced as a whole without losing other files."""
    if not os.access(path.parent, os.W_OK | os.X_OK) or _mount_of(path) != _mount_of(path.parent):
        return False
    return all(is_ours(file) or file == LOCK_FILE for file in _files_below(path))


def _files_below(path: Path, above: str = "") -> list[str]:
    """Relative paths of all files and empty folders; links are not followed."""
    files = []
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        is_folder = entry.is_dir(follow_symlinks=False)
        below = _files_below(Path(entry.path), f"{above}{entry.name}/") if is_folder else []
        files += below or [f"{above}{entry.name}"]
    return files


def _mount_of(folder: Path) -> str:
    """Identifies the mount of a folder, even if a file system is mounted at two places."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        about = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        return re.findall(r"mnt_id:\s*(\d+)", about)[0]
    except (OSError, IndexError):  # not Linux
        return str(os.fstat(descriptor).st_dev)
    finally:
        os.close(descriptor)
