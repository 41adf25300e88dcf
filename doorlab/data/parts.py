"""Parts of a dataset on disk, and checks that they contain no links.

A part is a shard (a folder) or a video (a file). The dataset folder itself may be a symbolic link,
but nothing below it: in a dataset obtained from others, a link could point to private files of the
reader. Links are never followed. A part that is a link, lies below one or contains one counts as
damaged.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from doorlab.storage.files import remove

PART_FOLDERS = ("shards", "videos")


def is_video(part: str) -> bool:
    """Whether a part is a video (one file) rather than a shard (a folder)."""
    return PurePosixPath(part).parts[0] == "videos"


def linked_below(dataset: Path, relative: str | PurePosixPath) -> bool:
    """Whether `relative`, or a folder between it and `dataset`, is a link, a device or a pipe.

    Missing paths return False. Raises OSError if the system denies access.
    """
    path = PurePosixPath(relative)
    for step in (*reversed(path.parents[:-1]), path):
        try:
            mode = (dataset / step).lstat().st_mode
        except FileNotFoundError:
            return False
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            return True
    return False


def plain_files(folder: Path) -> Iterator[Path]:
    """Yields every file below `folder`. Raises OSError for links, devices and pipes."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from plain_files(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield Path(entry.path)
            else:
                raise OSError(f"{entry.path} is neither a file nor a folder")


def bytes_below(dataset: Path, relative: str) -> int:
    """Total size of all files below a dataset folder; 0 if the folder is missing or unreadable."""
    try:
        if linked_below(dataset, relative):
            return 0
        return sum(file.lstat().st_size for file in plain_files(dataset / relative))
    except OSError:
        return 0


def make_room(dataset: Path, part: str) -> None:
    """Removes links and files of the wrong type from the path of a part, before it is written.

    Link targets are kept. A damaged shard is kept until its replacement is complete.
    """
    folder, path = dataset / PurePosixPath(part).parts[0], dataset / part
    if folder.is_symlink() or not folder.is_dir():
        remove(folder)
    is_right_kind = path.is_file() if is_video(part) else path.is_dir()
    if path.is_symlink() or not is_right_kind:
        remove(path)
