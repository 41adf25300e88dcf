"""Resumable state on disk: nested dictionaries in one file that detects damage.

A file is a safetensors file, which any reader of this format opens. It holds tensors and arrays.
Its header contains a JSON object with all other values, and a checksum of the whole file, computed
with zeros in place of the checksum. Reading a file runs no foreign code. Tuples are read as lists.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from doorlab.errors import CheckpointError
from doorlab.storage.files import atomic_write_bytes, read_bytes

_HEADER = "doorlab"
_BLANK = "0" * 32  # replaces the checksum while the checksum is computed
_LENGTH = 8  # number of bytes at the start of a safetensors file that give the header's length


def save_state(path: str | Path, kind: str, version: int, state: Mapping[str, Any]) -> None:
    """Writes `state` to the file `path`, atomically.

    Args:
        path: path of the file.
        kind: kind of state ("checkpoint"), which `load_state` compares.
        version: format version of the kind.
        state: dictionaries with strings or integers as keys; values may be lists, tensors, arrays,
            NumPy generators (PCG64) and plain values.

    Raises ResultError if the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    described = _described(state, "", tensors)
    header = {"checksum": _BLANK, "kind": kind, "version": version, "state": described}
    data = save(tensors, {_HEADER: json.dumps(header, allow_nan=False)})
    atomic_write_bytes(path, data.replace(_BLANK.encode(), _digest(data), 1))


def load_state(path: str | Path, kind: str, version: int, remedy: str) -> dict[str, Any]:
    """Reads the result of `save_state`; tensors are on the CPU.

    Args:
        path: path of the file.
        kind: kind of state, as saved.
        version: format version that the caller supports.
        remedy: what the user can do about an unusable file, as an imperative.

    Raises CheckpointError if the file is missing, unreadable, damaged, or of another kind or
    version.
    """
    data = read_bytes(path, CheckpointError, remedy)
    try:
        length = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
        header = json.loads(json.loads(data[_LENGTH:length])["__metadata__"][_HEADER])
        checksum = header["checksum"].encode()
        if _digest(data.replace(checksum, _BLANK.encode(), 1)) != checksum:
            raise ValueError("another checksum")
        if (header["kind"], header["version"]) != (kind, version):
            got = f"a {header['kind']} of format {header['version']}, not {version}"
            raise CheckpointError(f"a {kind} in {path}", got, remedy)
        return _rebuilt(header["state"], load(data))
    except (SafetensorError, LookupError, TypeError, AttributeError, ValueError, RecursionError):
        raise CheckpointError(f"an intact {kind} in {path}", "a damaged one", remedy) from None


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=len(_BLANK) // 2).hexdigest().encode()


def _described(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Converts a value to JSON; arrays go into `tensors` under names that the JSON refers to."""
    if isinstance(value, Mapping):
        items = {k: _described(v, f"{name}.{k}".strip("."), tensors) for k, v in value.items()}
        plain = all(isinstance(k, str) and not k.startswith("$") for k in items)
        return items if plain else {"$items": [[k, v] for k, v in items.items()]}
    if isinstance(value, list | tuple):
        return [_described(v, f"{name}.{i}", tensors) for i, v in enumerate(value)]
    if isinstance(value, Tensor | np.ndarray):
        form = "$tensor" if isinstance(value, Tensor) else "$array"
        array = value if isinstance(value, Tensor) else torch.from_numpy(value.copy())
        tensors[name] = array.detach().cpu().contiguous().clone()
        return {form: name}
    if isinstance(value, np.random.Generator):
        return {"$generator": value.bit_generator.state}
    if isinstance(value, float) and not np.isfinite(value):
        return {"$float": str(value)}
    return value


def _rebuilt(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `_described`."""
    if isinstance(value, list):
        return [_rebuilt(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    form, content = _form(value)
    if form == "$items":
        return {k: _rebuilt(v, tensors) for k, v in content}
    if form == "$tensor":
        return tensors[content]
    if form == "$array":
        return tensors[content].numpy()
    if form == "$generator":
        generator = np.random.Generator(np.random.PCG64())
        generator.bit_generator.state = content
        return generator
    if form == "$float":
        return float(content)
    return {k: _rebuilt(v, tensors) for k, v in value.items()}


def _form(value: dict[str, Any]) -> tuple[str, Any]:
    """Form and content of a dictionary with a single entry: see `_described`."""
    return next(iter(value.items())) if len(value) == 1 else ("", None)
