"""Folders of any name, for libraries that take a path for text.

On Linux the name of a folder is bytes, which need not be UTF-8; TensorStore, Arrow and TensorBoard
take nothing else.
"""

from __future__ import annotations

import os
import shlex
import weakref
from collections.abc import Callable
from pathlib import Path

from doorlab.errors import ConfigError

_DESCRIPTORS = Path("/proc/self/fd")  # on Linux: every open file and folder, by number


def is_text(path: Path) -> bool:
    """Whether a path is UTF-8: what is not, Python holds as surrogates."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


class TextPath:
    """A path of a folder that is text, whatever the folder is called.

    Where the folder's own path is not taken, the folder is opened and named by its descriptor,
    which is closed when this object goes.

    Attributes:
        path: absolute, without "..", "." and doubled slashes.
    """

    def __init__(self, folder: Path, is_taken: Callable[[Path], bool] = is_text) -> None:
        """Looks for a path of the folder, which must be there, that `is_taken`.

        Raises ConfigError where there is none, on systems that do not name descriptors.
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
    r"""A name as text that any file can hold; bytes that are not UTF-8 are shown as \xfc."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shell_quoted(text: str) -> str:
    """A word for a command line that people copy, of text or of a path of any name."""
    if is_text(Path(text)):
        return shlex.quote(text)
    escaped = as_text(text.replace("\\", "\\\\").replace("'", "\\'"))
    return f"$'{escaped}'"
