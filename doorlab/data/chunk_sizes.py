"""Checks the decoded size that each chunk of an array declares, before anything is decoded.

TensorStore allocates the size that the header of a Blosc chunk declares, up to 2 GiB per door read,
and compares sizes only afterwards. A header has 16 bytes: four one-byte numbers, then the decoded
size, the block size and the encoded size as uint32 (little endian). A shard of chunks ends with an
index, the offset and length of every chunk as uint64, and a CRC-32C.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from io import RawIOBase
from math import prod
from pathlib import Path

import numpy as np

_HEAD = 16  # bytes
_CRC = 4  # bytes


def check_chunk_sizes(
    folder: Path, file: str, chunks: int | None, shape: tuple[int, ...], dtype: str
) -> None:
    """Raises ValueError for a chunk that declares a wrong decoded size.

    Missing and truncated chunks are not reported here: the reader detects them.

    Args:
        folder: folder that contains `file`.
        file: path of the file with the chunks, relative to `folder`.
        chunks: number of chunks in the file's index; None if the whole file is one chunk.
        shape: shape of a chunk.
        dtype: dtype of the chunk's values.
    """
    expected = prod(shape) * np.dtype(dtype).itemsize
    with contextlib.suppress(FileNotFoundError), (folder / file).open("rb", buffering=0) as opened:
        for offset in (0,) if chunks is None else _offsets(opened, chunks):
            head = _read(opened, offset, _HEAD)
            if len(head) == _HEAD and (size := struct.unpack_from("<I", head, 4)[0]) != expected:
                raise ValueError(f"a chunk of {size} bytes, not {expected}, in {file}")


def _offsets(file: RawIOBase, chunks: int) -> Iterator[int]:
    """Yields the byte offsets of the chunks of a shard."""
    end, length = file.seek(0, os.SEEK_END), 16 * chunks
    start = end - length - _CRC
    index = _read(file, start, length) if start >= 0 else b""
    for offset, _ in struct.iter_unpack("<QQ", index if len(index) == length else b""):
        if offset < end:  # otherwise the chunk was not written, or the file is truncated
            yield offset


def _read(file: RawIOBase, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length) or b""
