"""One shard on disk: a Zarr v3 group, written whole, and its checksum.

    shard-00000/zarr.json              the group
    shard-00000/images/zarr.json       an array; its chunks are in one file (Zarr's sharding codec)
    shard-00000/images/c/0/0/0/0/0

Pictures are compressed door by door, so reading one door touches one range of one file; every
other array is one chunk. zstd is deterministic; it sees the pixels as they are, because rendered
pictures repeat whole pixels: 1.7 kB for a frame of 64 x 64 of the prior `default`, against 4.3 kB
with shuffled bits, and half as long to read (`doorlab bench --only codecs`). CRC-32C on every
chunk makes a flipped byte an error, never a wrong picture.
"""

# tensorstore for Python 3.10 has no types.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, cast

import numpy as np
import tensorstore as ts

from doorlab.data.chunk_sizes import check_chunk_sizes
from doorlab.data.parts import checksum
from doorlab.data.schema import ARRAYS
from doorlab.errors import DatasetError
from doorlab.storage.files import writing
from doorlab.storage.folders import atomic_directory
from doorlab.storage.text_paths import is_text

# What was weighed for images; shards are written with the first.
CODECS: dict[str, dict[str, Any]] = {
    "zstd": {"cname": "zstd", "clevel": 5},
    "zstd_bitshuffle": {"cname": "zstd", "clevel": 5, "shuffle": "bitshuffle"},
    "lz4": {"cname": "lz4", "clevel": 5},
    "lz4_bitshuffle": {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle"},
}

_user: int | None = None  # the process that has used TensorStore


def was_forked() -> bool:
    """Whether this process was forked from one that had used TensorStore, and can't use it."""
    return _user not in (None, os.getpid())


def write_shard(
    path: str | Path, arrays: Mapping[str, np.ndarray], wanted: Collection[str] = tuple(ARRAYS)
) -> str:
    """Writes the arrays as the shard `path`; returns its checksum.

    The folder appears whole or not at all. Raises DatasetError for arrays other than `wanted`.
    """
    files = encode_shard(arrays, wanted)
    with atomic_directory(path) as folder, writing(path):
        for name, data in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    return checksum(files)


def encode_shard(
    arrays: Mapping[str, np.ndarray], wanted: Collection[str] = tuple(ARRAYS)
) -> dict[str, bytes]:
    """The files of a shard, relative path -> content; the same arrays give the same bytes."""
    if set(arrays) != set(wanted):
        odd = ", ".join(sorted(set(arrays) ^ set(wanted)))
        raise DatasetError("every array of the dataset", f"a difference in {odd}", "correct them")
    groups = {parent for name in arrays for parent in PurePosixPath(name).parents}
    files = {str(group / "zarr.json"): _group_metadata() for group in groups}
    for name, array in arrays.items():
        files |= {f"{name}/{key}": data for key, data in _encode(name, array).items()}
    return files


def open_array(
    shard: str, name: str, shape: tuple[int, ...], context: ts.Context | None = None
) -> ts.Future:
    """A TensorStore to read an array of a shard from.

    Args:
        shard: a path that TensorStore takes (`is_key`).
        name: of `schema.ARRAYS`.
        shape: of the array. Nothing is read by metadata that say another shape, type, chunk or
            codec, nor chunks of another size: TensorStore would allocate whatever they ask for.
        context: what open arrays share.

    Raises ValueError, or `result()` does, for an array that is missing, damaged or another one.
    """
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": f"{shard}/{name}/"},
        "metadata": _layout(name, shape, CODECS["zstd"]),
        "fill_missing_data_reads": False,  # a chunk that is gone is an error, not zeros
        "recheck_cached_data": "open",  # shards never change once they are written
    }
    _begin_use()
    whole = tuple(max(1, size) for size in shape)
    chunk, count = ((1, *whole[1:]), whole[0]) if _is_by_door(name) else (whole, None)
    check_chunk_sizes(Path(shard), array_files(name)[1], count, chunk, ARRAYS[name].dtype)
    return ts.open(spec, read=True, context=context or ts.Context())


def is_key(path: Path) -> bool:
    """Whether TensorStore takes a path, which must be absolute and without "..".

    It treats paths as keys: UTF-8, and none with a name like those of its own locks.
    """
    return is_text(path) and not any(part.endswith(".__lock") for part in path.parts)


def array_files(name: str) -> tuple[str, str]:
    """The files of an array, relative to its shard: its metadata, and its only chunk."""
    return f"{name}/zarr.json", "/".join([name, "c", *"0" * len(ARRAYS[name].dims)])


def encode_images(images: np.ndarray, codec: str) -> dict[str, bytes]:
    """The files of the images of a shard, by a codec of `CODECS`."""
    return _encode("images", images, CODECS[codec])


def decode_images(files: Mapping[str, bytes]) -> np.ndarray:
    """The inverse of `encode_images`."""
    _begin_use()
    context = ts.Context()
    kvstore = ts.KvStore.open({"driver": "memory"}, context=context).result()
    for key, data in files.items():
        kvstore.write(key, data).result()
    spec = {"driver": "zarr3", "kvstore": {"driver": "memory"}}
    return ts.open(spec, context=context).result().read().result()


def _begin_use() -> None:
    """Raises DatasetError where TensorStore would abort the process."""
    global _user
    if was_forked():
        raise DatasetError(
            "a process that may read and write shards",
            "one that was forked from a process which had done so",
            'start it with the context "spawn"',
        )
    _user = os.getpid()


def _encode(
    name: str, array: np.ndarray, compressor: Mapping[str, Any] | None = None
) -> dict[str, bytes]:
    """The files of one array. Encoded in memory, so that plain files are all that touches disk."""
    if array.dtype != ARRAYS[name].dtype or array.ndim != len(ARRAYS[name].dims):
        spec = ARRAYS[name]
        raise DatasetError(
            f"{name} as {spec.dtype} ({', '.join(spec.dims)})",
            f"{array.dtype} {array.shape}",
            "correct the simulator",
        )
    _begin_use()
    store = ts.open(
        {
            "driver": "zarr3",
            "kvstore": {"driver": "memory"},
            "metadata": {
                **_layout(name, array.shape, compressor or CODECS["zstd"]),
                "attributes": {"meaning": ARRAYS[name].meaning},
            },
            "store_data_equal_to_fill_value": True,  # a shut door's zeros are data, too
        },
        create=True,
        context=ts.Context(),
    ).result()
    store.write(array).result()
    kvstore = cast(ts.KvStore, store.kvstore)
    return {key.decode(): kvstore.read(key).result().value for key in kvstore.list().result()}


def _layout(name: str, shape: tuple[int, ...], compressor: Mapping[str, Any]) -> dict[str, Any]:
    """All that decides which bytes an array's files hold."""
    spec, dtype = ARRAYS[name], np.dtype(ARRAYS[name].dtype)
    whole = [max(1, size) for size in shape]  # Zarr knows no empty chunks
    compression: list[dict[str, Any]] = [
        {"name": "bytes", **_endian(dtype)},
        {
            "name": "blosc",
            "configuration": {
                "shuffle": "noshuffle" if dtype.itemsize == 1 else "shuffle",
                "typesize": dtype.itemsize,
                "blocksize": 0,
                **compressor,
            },
        },
        {"name": "crc32c"},
    ]
    by_door = {
        "name": "sharding_indexed",
        "configuration": {
            "chunk_shape": [1, *whole[1:]],
            "codecs": compression,
            "index_codecs": [
                {"name": "bytes", "configuration": {"endian": "little"}},
                {"name": "crc32c"},
            ],
        },
    }
    return {
        "shape": list(shape),
        "data_type": spec.dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": whole}},
        "chunk_key_encoding": {"name": "default"},
        "codecs": [by_door] if _is_by_door(name) else compression,
        "dimension_names": list(spec.dims),
    }


def _is_by_door(name: str) -> bool:
    """Whether every door of an array has a chunk of its own."""
    return "frame" in ARRAYS[name].dims[:-1]


def _endian(dtype: np.dtype[Any]) -> dict[str, Any]:
    return {} if dtype.itemsize == 1 else {"configuration": {"endian": "little"}}


def _group_metadata() -> bytes:
    group = {"zarr_format": 3, "node_type": "group", "attributes": {}}
    return json.dumps(group, indent=2).encode()
