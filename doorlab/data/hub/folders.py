"""The folder of an export: written completely or not at all, replaced only with --overwrite.

Replacing an export keeps files that doorlab did not write (.git, for example).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from doorlab.errors import ResultError
from doorlab.storage.file_replacement import complete_replacement, replacing_files
from doorlab.storage.files import refuse_overwrite, writing
from doorlab.storage.folders import output_folder
from doorlab.storage.locking import LOCK_FILE


@contextlib.contextmanager
def export_folder(
    out: Path, marker: str, is_exported: Callable[[str], bool], *, overwrite: bool
) -> Iterator[Path]:
    """Yields a temporary folder that becomes `out`, locked, if the block succeeds.

    Args:
        out: a folder that does not exist or is empty; with `overwrite`, it may hold an earlier
            export.
        marker: file that every export of this format contains.
        is_exported: whether an export of this format can contain a file of this name.
        overwrite: replace an earlier export.

    Raises ResultError if `out` already holds files, cannot be written, or another process writes
    to it.
    """
    with output_folder(out):
        real = out.resolve()
        complete_replacement(real, marker, is_exported)
        _refuse_out(out, marker, overwrite)
        with replacing_files(real, marker, is_exported) as folder, writing(out):
            yield folder


def _refuse_out(out: Path, marker: str, overwrite: bool) -> None:
    """Raises ResultError unless `out` (locked by this process) is empty or an earlier export."""
    if {path.name for path in out.iterdir()} <= {LOCK_FILE}:
        return
    if not (out / marker).exists():
        raise ResultError(
            f"{out} to be empty or an earlier export in this format",
            "other files",
            "choose another --out",
        )
    refuse_overwrite(out, overwrite)
