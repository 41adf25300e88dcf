"""Detects workers on machines that do not share the disk of the results."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from doorlab.errors import ResultError
from doorlab.parallel.base import Work
from doorlab.storage.files import writing


class SharedDiskCheck:
    """Wraps work: checks first that a marker file of the launching process is visible.

    Otherwise a worker on another machine could use a folder of the same name on its local disk. As
    a context manager the object removes the marker.

    Args:
        folder: an existing folder that all workers must share.
        work: the work.
    """

    def __init__(self, folder: Path, work: Work) -> None:
        self._folder, self._work = folder.absolute(), work
        with writing(folder):
            handle, marker = tempfile.mkstemp(prefix=".shared.", suffix=".tmp", dir=folder)
            os.close(handle)
        self._marker = Path(marker).absolute()  # workers may run in other folders

    def __call__(self, item: str) -> Any:
        """Does the work. Raises ResultError on a machine that does not share the folder."""
        if not self._marker.exists():
            raise ResultError(
                f"{self._folder} on a disk that all workers share",
                f"another folder, or none, on {platform.node()}",
                "choose an --out that every machine of the cluster can access",
            )
        return self._work(item)

    def __enter__(self) -> SharedDiskCheck:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._marker.unlink(missing_ok=True)
