"""One shard on disk: a Zarr v3 group that is written atomically.

    shard-00000/zarr.json              the group
    shard-00000/images/zarr.json       an array; its chunks are in one file (Zarr's sharding codec)
    shard-00000/images/c/0/0/0/0/0

Images are compressed door by door, so reading one door reads one range of one file; every other
array is one chunk. zstd is deterministic. Pixels are not shuffled, because rendered images repeat
whole pixels: a 64 x 64 frame of the prior `default` takes 1.7 kB, against 4.3 kB with shuffled
bits, and half as long to read (`doorlab bench --only codecs`). Every chunk has a CRC-32C, so a
flipped byte raises an error and never yields a wrong image.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, cast

import numpy as np
import tensorstore as ts

from doorlab.data.checksums import checksum
from doorlab.data.chunk_sizes import check_chunk_sizes
from doorlab.data.fork_guard import begin_use
from doorlab.data.object_store import store_spec
from doorlab.data.schema import ARRAYS
from doorlab.errors import DatasetError
from doorlab.storage.files import writing
from doorlab.storage.folders import atomic_directory
from doorlab.storage.text_paths import is_text

# Codecs compared for images by `doorlab bench`; shards are written with the first.
CODECS: dict[str, dict[str, Any]] = {
    "zstd": {"cname": "zstd", "clevel": 5},
    "zstd_bitshuffle": {"cname": "zstd", "clevel": 5, "shuffle": "bitshuffle"},
    "lz4": {"cname": "lz4", "clevel": 5},
    "lz4_bitshuffle": {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle"},
}


def write_shard(
    path: str | Path, arrays: Mapping[str, np.ndarray], wanted: Collection[str] = tuple(ARRAYS)
) -> str:
    """Writes the arrays as the shard `path`; returns its checksum.

    The folder is written atomically. Raises DatasetError if the names of `arrays` are not `wanted`.
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
    """Encodes a shard: relative path -> content. Equal arrays give equal bytes."""
    if set(arrays) != set(wanted):
        odd = ", ".join(sorted(set(arrays) ^ set(wanted)))
        raise DatasetError(
            "exactly the arrays of the dataset", f"a difference in {odd}", "correct it"
        )
    groups = {parent for name in arrays for parent in PurePosixPath(name).parents}
    files = {str(group / "zarr.json"): _group_metadata() for group in groups}
    for name, array in arrays.items():
        files |= {f"{name}/{key}": data for key, data in _encode(name, array).items()}
    return files


def open_array(
    shard: str, name: str, shape: tuple[int, ...], context: ts.Context | None = None
) -> ts.Future:
    """Opens an array of a shard with TensorStore, for reading.

    Args:
        shard: a path that TensorStore accepts (`is_key`), or the URL of a shard.
        name: name of the array in `schema.ARRAYS`.
        shape: shape of the array. Metadata with another shape, dtype, chunking or codec, and
            chunks of another size, are rejected before reading: TensorStore would allocate
            whatever they declare. At a URL, chunks are not checked before reading.
        context: TensorStore context shared by open arrays.

    ValueError is raised here or by `result()` if the array is missing, damaged or does not match.
    """
    spec = {
        "driver": "zarr3",
        "kvstore": (store := store_spec(f"{shard}/{name}")),
        "metadata": _layout(name, shape, CODECS["zstd"]),
        "fill_missing_data_reads": False,  # a missing chunk is an error, not zeros
        "recheck_cached_data": "open",  # shards never change after they are written
    }
    begin_use()
    whole = tuple(max(1, size) for size in shape)
    chunk, count = ((1, *whole[1:]), whole[0]) if _is_by_door(name) else (whole, None)
    if store["driver"] == "file":
        check_chunk_sizes(Path(shard), array_files(name)[1], count, chunk, ARRAYS[name].dtype)
    return ts.open(spec, read=True, context=context or ts.Context())


def is_key(path: Path) -> bool:
    """Whether TensorStore accepts a path, which must be absolute and without "..".

    TensorStore treats paths as keys: they must be UTF-8, and must not resemble its lock names.
    """
    return is_text(path) and not any(part.endswith(".__lock") for part in path.parts)


def array_files(name: str) -> tuple[str, str]:
    """Files of an array, relative to its shard: its metadata and its only chunk."""
    return f"{name}/zarr.json", "/".join([name, "c", *"0" * len(ARRAYS[name].dims)])


def encode_images(images: np.ndarray, codec: str) -> dict[str, bytes]:
    """Encodes the images of a shard with a codec of `CODECS`: file name -> content."""
    return _encode("images", images, CODECS[codec])


def decode_images(files: Mapping[str, bytes]) -> np.ndarray:
    """The inverse of `encode_images`."""
    begin_use()
    context = ts.Context()
    kvstore = ts.KvStore.open({"driver": "memory"}, context=context).result()
    for key, data in files.items():
        kvstore.write(key, data).result()
    spec = {"driver": "zarr3", "kvstore": {"driver": "memory"}}
    return ts.open(spec, context=context).result().read().result()


def _encode(
    name: str, array: np.ndarray, compressor: Mapping[str, Any] | None = None
) -> dict[str, bytes]:
    """Files of one array, encoded in memory, so that only plain files are written to disk."""
    if array.dtype != ARRAYS[name].dtype or array.ndim != len(ARRAYS[name].dims):
        spec = ARRAYS[name]
        raise DatasetError(
            f"{name} as {spec.dtype} ({', '.join(spec.dims)})",
            f"{array.dtype} {array.shape}",
            "correct the simulator",
        )
    begin_use()
    store = ts.open(
        {
            "driver": "zarr3",
            "kvstore": {"driver": "memory"},
            "metadata": {
                **_layout(name, array.shape, compressor or CODECS["zstd"]),
                "attributes": {"meaning": ARRAYS[name].meaning},
            },
            "store_data_equal_to_fill_value": True,  # zeros of a closed door are data, too
        },
        create=True,
        context=ts.Context(),
    ).result()
    store.write(array).result()
    kvstore = cast(ts.KvStore, store.kvstore)
    return {key.decode(): kvstore.read(key).result().value for key in kvstore.list().result()}


def _layout(name: str, shape: tuple[int, ...], compressor: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata that determines the bytes of an array's files."""
    spec, dtype = ARRAYS[name], np.dtype(ARRAYS[name].dtype)
    whole = [max(1, size) for size in shape]  # Zarr has no empty chunks
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
    """Whether an array has one chunk per door."""
    return "frame" in ARRAYS[name].dims[:-1]


def _endian(dtype: np.dtype[Any]) -> dict[str, Any]:
    return {} if dtype.itemsize == 1 else {"configuration": {"endian": "little"}}


def _group_metadata() -> bytes:
    group = {"zarr_format": 3, "node_type": "group", "attributes": {}}
    return json.dumps(group, indent=2).encode()
