"""The journal of a dataset that is being written: one line for every part that is finished.

    DIR/.parts.jsonl    ["shards/shard-00000", "blake2b:..."]

dataset.json, which lists all parts, is written when the work begins and when it ends. A line takes
the same time however many parts there are. A process that is killed leaves the journal behind, and
`Manifest.read` adds what it says.
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
    """The journal of the dataset in a folder that this process owns."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL_FILE
        self._file: TextIO | None = None

    def add(self, part: str, checksum: str) -> None:
        """Notes, for good, that a part is written. Raises ResultError when that can't be."""
        with writing(self._path):
            if self._file is None:
                self._path.unlink(missing_ok=True)  # it may be a link
                self._file = self._path.open("x", encoding="utf-8")
            self._file.write(json.dumps([part, checksum]) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def remove(self) -> None:
        """Removes the journal, once dataset.json lists everything. Raises ResultError."""
        with writing(self._path):
            self.close()
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Closes the file, which stays."""
        if self._file is not None:
            self._file.close()


def read_journal(folder: Path) -> dict[str, str]:
    """Part -> checksum of all that the journal in a folder notes; lines that are damaged are not.

    Raises DatasetError when there is one that can't be read.
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
