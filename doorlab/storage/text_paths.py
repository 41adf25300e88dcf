"""Folders with any name, for libraries that require paths in UTF-8.

On Linux, folder names are bytes and need not be UTF-8; TensorStore, Arrow and TensorBoard accept
UTF-8 only.
"""

from __future__ import annotations

import os
import shlex
import weakref
from collections.abc import Callable
from pathlib import Path

from doorlab.errors import ConfigError

_DESCRIPTORS = Path("/proc/self/fd")  # on Linux: all open files and folders, by number


def is_text(path: Path) -> bool:
    """Whether a path is UTF-8; Python represents other bytes as surrogates."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


class TextPath:
    """A UTF-8 path of a folder with any name.

    If the library does not accept the folder's own path, the folder is opened and referred to by
    its descriptor, which is closed when this object is garbage-collected.

    Attributes:
        path: absolute, without "..", "." and doubled slashes.
    """

    def __init__(self, folder: Path, is_taken: Callable[[Path], bool] = is_text) -> None:
        """Finds a path of an existing folder that `is_taken` accepts.

        Raises ConfigError if there is none, on systems without descriptors as paths.
        """
        resolved = folder.resolve()
        if is_taken(resolved):
            self.path = resolved.as_posix()
            return
        if not _DESCRIPTORS.is_dir():
            raise ConfigError("a folder with a name in UTF-8", ascii(f"{folder}"), "rename it")
        descriptor = os.open(resolved, os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor)
        self.path = f"{_DESCRIPTORS}/{descriptor}"


def as_text(name: str) -> str:
    r"""A name as valid text; bytes that are not UTF-8 are shown as \xfc."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shell_quoted(text: str) -> str:
    """Quotes text, or a path of any name, as one word of a command line for users to copy."""
    if is_text(Path(text)):
        return shlex.quote(text)
    escaped = as_text(text.replace("\\", "\\\\").replace("'", "\\'"))
    return f"$'{escaped}'"
