"""Doors as Arrow tables: one row per door, as stored in Parquet files on dataset hubs.

A row is a door, not a frame: models learn from doors, splits consist of doors, and actions and
parameters belong to doors. Viewers show the frames of a door as a strip of images.

    door                    int64, index of the door in the dataset
    name                    string, folder or video of the door; only in imported datasets
    images                  list of PNG images (lossless), as the feature Image of `datasets`
    hinge_side, ...         strings for categories, numbers or nested lists for other arrays

A column has the name of its array (`schema.ARRAYS`) without "door/" and with underscores for
slashes. The split is part of the file name. Requires pyarrow (extra `hub`).

Legend: D doors, M frames, H, W pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from doorlab.data.config import DatasetConfig
from doorlab.data.schema import ArraySpec, door_array
from doorlab.data.sources.image_files import decode_png
from doorlab.doors.door import CATEGORIES
from doorlab.errors import ConfigError, DatasetError
from doorlab.storage.text_paths import as_text

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    raise ConfigError(
        "pyarrow, which reads and writes Parquet files",
        "a Python environment without it",
        "run `pip install 'doorlab[hub]'`",
    ) from None

_CATEGORIES = {door_array(field): names for field, names in CATEGORIES.items()}
_IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def columns(config: DatasetConfig) -> dict[str, ArraySpec]:
    """Maps column names to array specs, for all columns except `door` and `name`."""
    arrays = config.arrays().values()
    return {column_name(spec.name): spec for spec in arrays if spec.name != "split"}


def column_name(array: str) -> str:
    """The column name of an array: "door/appearance/x" -> "appearance_x"."""
    return array.removeprefix("door/").replace("/", "_")


def is_image_array(spec: ArraySpec) -> bool:
    """Whether an array is stored as PNG images."""
    pixels = ("height", "width")
    return spec.dtype == "uint8" and spec.dims[2:] in (pixels, (*pixels, "channel"))


def image_feature_type() -> pa.DataType:
    """The Arrow type of an image, as the feature Image of `datasets` stores it."""
    return _IMAGE_TYPE


def is_category(spec: ArraySpec) -> bool:
    """Whether an array is stored as strings."""
    return spec.name in _CATEGORIES


def table_schema(config: DatasetConfig) -> pa.Schema:
    """Arrow schema of the table, with the metadata that `datasets` reads."""
    types: dict[str, pa.DataType] = {"door": pa.int64()}
    if config.names:
        types["name"] = pa.string()
    types |= {name: _type(spec) for name, spec in columns(config).items()}
    features = {name: _feature(kind) for name, kind in types.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema(list(types.items()), metadata=metadata)


def to_table(config: DatasetConfig, doors: np.ndarray, arrays: dict[str, np.ndarray]) -> pa.Table:
    """Converts doors to table rows.

    Args:
        config: config of the dataset.
        doors: int64 (D,), indices of the doors.
        arrays: arrays by name, with first axis D; `split` is not needed.
    """
    table: dict[str, pa.Array] = {"door": pa.array(doors)}
    if config.names:
        table["name"] = pa.array([as_text(config.names[door]) for door in doors])
    for column, spec in columns(config).items():
        values = arrays[spec.name]
        if is_image_array(spec):
            table[column] = _png_column(doors, column, values)
        elif is_category(spec):
            table[column] = pa.array([_CATEGORIES[spec.name][value] for value in values])
        else:
            table[column] = _nested(pa.array(values.reshape(-1)), values.shape)
    return pa.table(table, schema=table_schema(config))


def to_arrays(config: DatasetConfig, table: pa.Table) -> dict[str, np.ndarray]:
    """The inverse of `to_table`. Raises ValueError, LookupError or TypeError for invalid rows."""
    arrays = {}
    for column, spec in columns(config).items():
        sizes = config.frames, config.interactions, config.image_size
        shape, values = spec.shape(len(table), *sizes), table[column].combine_chunks()
        if is_category(spec):
            codes = [_CATEGORIES[spec.name].index(value) for value in values.to_pylist()]
            arrays[spec.name] = np.array(codes, dtype=spec.dtype)
            continue
        values = _flat(values, 1 if is_image_array(spec) else len(shape) - 1, column)
        if is_image_array(spec):
            if not pa.types.is_struct(values.type):
                raise TypeError(f"a column {column} of {values.type} instead of images")
            arrays[spec.name] = _decoded(values.field("bytes").to_pylist(), shape)
        else:
            flat = values.to_numpy(zero_copy_only=False)
            arrays[spec.name] = flat.astype(spec.dtype, casting="same_kind").reshape(shape)
    return arrays


def write_parquet(path: Path, config: DatasetConfig, tables: Iterable[pa.Table]) -> None:
    """Writes a Parquet file; each table becomes a row group, the unit that viewers read."""
    schema = table_schema(config)
    with path.open("wb") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)


def read_doors(
    config: DatasetConfig, files: Iterable[Path], first: int, last: int
) -> dict[str, np.ndarray]:
    """Reads the doors `first` to `last` (excluded) from `files`, in ascending order.

    Returns all arrays except `split`, and the indices of the doors as `door`. Raises DatasetError
    with the name of the file if a file is damaged.
    """
    rows, wanted = [], [("door", ">=", first), ("door", "<", last)]
    for file in files:
        try:
            with file.open("rb") as opened:  # Arrow cannot open paths that are not UTF-8
                table = pq.read_table(opened, filters=wanted, use_threads=False)
            if len(table):
                door = table["door"].to_numpy()
                rows.append({"door": door, **to_arrays(config, table)})
        except (pa.ArrowException, OSError, ValueError, LookupError, TypeError) as error:
            got = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DatasetError(
                f"doors as they were exported in {file}", got, "download it again"
            ) from None
    if not rows:
        return {"door": np.zeros(0, dtype=np.int64)}
    joined = {name: np.concatenate([found[name] for found in rows]) for name in rows[0]}
    order = np.argsort(joined["door"], kind="stable")
    return {name: values[order] for name, values in joined.items()}


def _type(spec: ArraySpec) -> pa.DataType:
    if is_category(spec):
        return pa.string()
    if is_image_array(spec):
        return pa.list_(_IMAGE_TYPE)
    kind = pa.from_numpy_dtype(np.dtype(spec.dtype))
    for _ in spec.dims[1:]:
        kind = pa.list_(kind)
    return kind


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if kind == _IMAGE_TYPE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "Sequence"}
    names = {pa.float16(): "float16", pa.float32(): "float32", pa.float64(): "float64"}
    return {"dtype": names.get(kind, str(kind)), "_type": "Value"}


def _nested(values: pa.Array, shape: tuple[int, ...]) -> pa.Array:
    """Nests a flat array into lists of lists: one level per axis after the first."""
    for axis in range(len(shape) - 1, 0, -1):
        offsets = np.arange(prod(shape[:axis]) + 1, dtype=np.int32) * shape[axis]
        values = pa.ListArray.from_arrays(pa.array(offsets, type=pa.int32()), values)
    return values


def _png_column(doors: np.ndarray, column: str, values: np.ndarray) -> pa.Array:
    rows = [
        {"bytes": png(image), "path": f"door-{door:05d}-{column}-{frame:03d}.png"}
        for door, of_door in zip(doors, values, strict=True)
        for frame, image in enumerate(of_door)
    ]
    return _nested(pa.array(rows, type=_IMAGE_TYPE), values.shape[:2])


def png(image: np.ndarray) -> bytes:
    """Encodes an image, uint8 (H, W) or (H, W, 3), RGB, as a PNG file."""
    _, data = cv2.imencode(".png", np.ascontiguousarray(_reversed(image)))
    return data.tobytes()


def _flat(values: pa.Array, levels: int, column: str) -> pa.Array:
    """Flattens `levels` levels of nested lists."""
    for _ in range(levels):
        if not hasattr(values, "flatten"):
            raise TypeError(f"a column {column} of {values.type} instead of lists")
        values = values.flatten()
    return values


def _decoded(files: Sequence[bytes | None], shape: tuple[int, ...]) -> np.ndarray:
    if len(files) != prod(shape[:2]):
        raise ValueError(f"{len(files)} images instead of {prod(shape[:2])}")
    images = [decode_png(data or b"", shape[2:]) for data in files]
    return np.array(images, dtype=np.uint8).reshape(shape)


def _reversed(image: np.ndarray) -> np.ndarray:
    """Converts RGB to OpenCV's BGR; images with one channel are unchanged."""
    return image[..., ::-1] if image.ndim == 3 else image
