"""What the chunks of an array say that they decode to, looked at before anything is decoded.

TensorStore allocates whatever size the head of a Blosc chunk states, up to 2 GiB for every door
that is read; only then does it compare. A head is 16 bytes: four numbers of a byte each, then the
decoded size, the size of its blocks and the encoded size, as uint32 (little endian). In a shard
of chunks the last bytes are the index, offset and length of every chunk as uint64, and a CRC-32C.
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
    """Raises ValueError for a chunk that says that it decodes to another size than it must.

    What is missing or cut off is left to the reader.

    Args:
        folder: of the file.
        file: with the chunks, relative to the folder.
        chunks: how many the file has an index of; None for a file that is one chunk.
        shape: of a chunk.
        dtype: of its values.
    """
    expected = prod(shape) * np.dtype(dtype).itemsize
    with contextlib.suppress(FileNotFoundError), (folder / file).open("rb", buffering=0) as opened:
        for offset in (0,) if chunks is None else _offsets(opened, chunks):
            head = _read(opened, offset, _HEAD)
            if len(head) == _HEAD and (size := struct.unpack_from("<I", head, 4)[0]) != expected:
                raise ValueError(f"a chunk of {size} bytes, not {expected}, in {file}")


def _offsets(file: RawIOBase, chunks: int) -> Iterator[int]:
    """Where the chunks of a shard begin."""
    end, length = file.seek(0, os.SEEK_END), 16 * chunks
    start = end - length - _CRC
    index = _read(file, start, length) if start >= 0 else b""
    for offset, _ in struct.iter_unpack("<QQ", index if len(index) == length else b""):
        if offset < end:  # else it was not written, or is cut off
            yield offset


def _read(file: RawIOBase, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length) or b""
