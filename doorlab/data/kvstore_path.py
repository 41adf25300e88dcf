"""A folder of the operating system as a path that TensorStore takes.

TensorStore treats a path as a key: UTF-8 alone, no empty segments, no "." or "..", and none that
ends in ".__lock", the name of its own locks. Operating systems allow more than that.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path

from doorlab.errors import DatasetError

_DESCRIPTORS = Path("/proc/self/fd")  # on Linux: every open file and folder, by number


class KvstorePath:
    """Names a folder to TensorStore, whatever the folder is called.

    A folder with a name that TensorStore refuses is opened, and named by its descriptor, which is
    closed when this object goes.

    Raises DatasetError for such a name on systems that do not name descriptors.
    """

    def __init__(self, folder: Path) -> None:
        resolved = folder.resolve()
        if _is_key(resolved):
            self.path = resolved.as_posix()
            return
        if not _DESCRIPTORS.is_dir():
            raise DatasetError(
                "a path in UTF-8, without folders that end in .__lock", f"{folder}", "rename it"
            )
        descriptor = os.open(resolved, os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor)
        self.path = f"{_DESCRIPTORS}/{descriptor}"


def _is_key(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8 are surrogates in Python's names
        return False
    return not any(part.endswith(".__lock") for part in path.parts)
