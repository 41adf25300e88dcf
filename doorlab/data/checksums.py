"""Checksums of the parts of a dataset: shards (folders) and videos (files)."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from doorlab.data.parts import is_video, linked_below, plain_files

_BLOCK = 2**20  # bytes read at once


def checksum(files: Mapping[str, bytes]) -> str:
    """`blake2b:<hex>` over names, lengths and contents, sorted by name."""
    digest = _Digest()
    for name in sorted(files):
        digest.begin(name, len(files[name]))
        digest.update(files[name])
    return digest.text()


def part_checksum(dataset: Path, part: str) -> str | None:
    """Checksum of the part `part` (for example "shards/shard-00000") in the folder `dataset`.

    Returns None if the part is missing, unreadable, or not made of plain files and folders.
    """
    path = dataset / part
    try:
        if linked_below(dataset, part):
            return None
        if is_video(part):
            files = {path.name: path} if stat.S_ISREG(path.lstat().st_mode) else {}
        else:
            files = {file.relative_to(path).as_posix(): file for file in plain_files(path)}
        return _checksum_of_files(files) if files else None
    except OSError:
        return None


class _Digest:
    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.update = self._hash.update

    def begin(self, name: str, size: int) -> None:
        self.update(f"{name}\0{size}\0".encode(errors="surrogateescape"))

    def text(self) -> str:
        return f"blake2b:{self._hash.hexdigest()}"


def _checksum_of_files(files: Mapping[str, Path]) -> str:
    """Same result as `checksum`, without loading whole files into memory."""
    digest = _Digest()
    for name in sorted(files):
        with files[name].open("rb") as file:
            digest.begin(name, os.fstat(file.fileno()).st_size)
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.text()
