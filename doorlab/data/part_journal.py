"""Journal of a dataset that is being written: one line per finished part.

    DIR/.parts.jsonl    ["shards/shard-00000", "blake2b:..."]

dataset.json, which lists all parts, is only written at the beginning and at the end. Appending a
line to the journal takes the same time regardless of the number of parts. If the process is killed,
the journal remains, and `Manifest.read` adds its entries.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TextIO

from doorlab.errors import DatasetError
from doorlab.storage.files import read_bytes, writing

JOURNAL_FILE = ".parts.jsonl"


class PartJournal:
    """Journal of the dataset in a folder that this process has locked."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL_FILE
        self._file: TextIO | None = None

    def add(self, part: str, checksum: str) -> None:
        """Durably records a finished part. Raises ResultError if the journal cannot be written."""
        with writing(self._path):
            if self._file is None:
                self._path.unlink(missing_ok=True)  # it may be a symbolic link
                self._file = self._path.open("x", encoding="utf-8")
            self._file.write(json.dumps([part, checksum]) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def remove(self) -> None:
        """Removes the journal after dataset.json lists all parts. Raises ResultError."""
        with writing(self._path):
            self.close()
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Closes the file and keeps it on disk."""
        if self._file is not None:
            self._file.close()


def read_journal(folder: Path) -> dict[str, str]:
    """Maps part -> checksum for all entries of the journal in `folder`; skips damaged lines.

    Raises DatasetError if the journal exists but cannot be read.
    """
    path = folder / JOURNAL_FILE
    if path.is_symlink() or not path.is_file():
        return {}
    lines = read_bytes(path, DatasetError).splitlines()
    return dict(pair for line in lines if (pair := _pair(line)))


def _pair(line: bytes) -> tuple[str, str] | None:
    try:
        part, checksum = json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return None
    return (part, checksum) if isinstance(part, str) and isinstance(checksum, str) else None
