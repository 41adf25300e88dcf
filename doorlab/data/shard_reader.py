"""Reads arrays across shards, in this process or in a subprocess if TensorStore is unusable here.

TensorStore's threads do not survive a fork: a forked process that uses it aborts.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorstore as ts

from doorlab.data.config import DatasetConfig
from doorlab.data.fork_guard import was_forked
from doorlab.data.object_store import REMEDY, RETRY_LIMITS, UNREADABLE, reason
from doorlab.data.parts import linked_below
from doorlab.data.schema import ARRAYS
from doorlab.data.shards import array_files, is_key, open_array
from doorlab.errors import DatasetError
from doorlab.storage.store_urls import is_remote
from doorlab.storage.text_paths import TextPath

_CACHE_BYTES = 64 * 2**20  # chunk indices of the image files, and recently read doors
_PROGRAM = "from doorlab.data.shard_reader import serve; serve({descriptor})"


@runtime_checkable
class Reader(Protocol):
    """Reads the arrays of a dataset."""

    def read(self, name: str, doors: np.ndarray) -> np.ndarray:
        """Reads the array `name` for `doors`, int64 (D,), which may contain repeats.

        Raises DatasetError for missing or damaged shards.
        """
        ...


def make_reader(folder: Path, config: DatasetConfig, path: Path) -> Reader:
    """Creates a reader for use in this process only.

    Args:
        folder: folder of the dataset, absolute, or its `StoreUrl`.
        config: config of the dataset.
        path: the same folder as the user entered it, for messages.
    """
    return (ReadingProcess if was_forked() else ShardReader)(folder, config, path)


class ShardReader:
    """Reads with TensorStore and keeps arrays open. For the arguments see `make_reader`."""

    def __init__(self, folder: Path, config: DatasetConfig, path: Path) -> None:
        self._config, self._path = config, path
        self._remote = is_remote(folder)
        self._text_path = None if self._remote else TextPath(folder, is_key)
        self._root = str(folder) if self._text_path is None else self._text_path.path
        self._shards = list(config.shards().items())
        self._context = ts.Context(
            {"cache_pool": {"total_bytes_limit": _CACHE_BYTES}, **RETRY_LIMITS}
        )
        self._arrays: dict[tuple[str, int], ts.TensorStore] = {}

    def read(self, name: str, doors: np.ndarray) -> np.ndarray:
        """Reads the array `name` for `doors` as `Reader.read`, shards in parallel."""
        values = np.empty(self._shape(name, len(doors)), dtype=ARRAYS[name].dtype)
        if not values.size:
            return values
        shard, row = np.divmod(doors, self._config.shard_doors)
        used = np.unique(shard).tolist()
        self._open(name, used)
        target = ts.array(values)  # shares memory: shards are decoded directly into `values`
        pending = []
        for s in used:
            where = np.flatnonzero(shard == s)
            source = self._arrays[name, s].oindex[row[where]]
            pending.append(target.oindex[where].write(source))
        for s, future in zip(used, pending, strict=True):
            self._result(s, future)
        return values

    def _shape(self, name: str, doors: int) -> tuple[int, ...]:
        config = self._config
        return ARRAYS[name].shape(doors, config.frames, config.interactions, config.image_size)

    def _open(self, name: str, shards: list[int]) -> None:
        """Opens an array in all `shards` in parallel and keeps it open."""
        new = [s for s in shards if (name, s) not in self._arrays]
        futures = [self._begin_to_open(name, s) for s in new]
        for s, future in zip(new, futures, strict=True):
            self._arrays[name, s] = self._result(s, future)

    def _begin_to_open(self, name: str, shard: int) -> ts.Future:
        folder, (first, last) = self._shards[shard]
        with self._readable(shard):
            for file in () if self._remote else array_files(name):
                if linked_below(Path(self._root), f"shards/{folder}/{file}"):
                    raise self._damaged(shard, f"a link in the path of {file}")
            shape = self._shape(name, last - first)
            return open_array(f"{self._root}/shards/{folder}", name, shape, self._context)

    def _result(self, shard: int, future: Any) -> Any:
        with self._readable(shard):
            return future.result()

    @contextmanager
    def _readable(self, shard: int) -> Iterator[None]:
        try:
            yield
        except UNREADABLE as error:
            if isinstance(error, PermissionError) or "PERMISSION_DENIED" in str(error):
                expected = f"permission to read {self._shards[shard][0]} of {self._path}"
                fix = REMEDY if self._remote else "run chmod -R u+rX"
                raise DatasetError(expected, "no permission", fix) from None
            raise self._damaged(shard, reason(error)) from None

    def _damaged(self, shard: int, got: str) -> DatasetError:
        repair = f"repair it with `{self._config.command(self._path)}`"
        if self._remote:
            repair = f"{REMEDY}, or upload the dataset again"
        return DatasetError(f"{self._shards[shard][0]} of {self._path} to be intact", got, repair)


class ReadingProcess:
    """Reads in a subprocess, which ends with this object and with the process that created it.

    For the arguments see `make_reader`.
    """

    def __init__(self, folder: Path, config: DatasetConfig, path: Path) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            program = _PROGRAM.format(descriptor=theirs.fileno())
            process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,  # only this process handles Ctrl-C
            )
        self._path, self._connection = path, Connection(ours.detach())
        self._lock = threading.Lock()  # one request at a time
        weakref.finalize(self, _end, self._connection, process)
        self._ask(folder, config, path)

    def read(self, name: str, doors: np.ndarray) -> np.ndarray:
        """Reads the array `name` for `doors` as `Reader.read`."""
        return self._ask(name, doors)

    def _ask(self, *question: Any) -> Any:
        try:
            with self._lock:
                self._connection.send(question)
                answer = self._connection.recv()
        except (EOFError, OSError):
            raise DatasetError(
                f"a process that reads {self._path}", "a process that was killed", "run again"
            ) from None
        except BaseException:  # a late answer would be mistaken for that of the next request
            self._connection.close()
            raise
        if isinstance(answer, Exception):
            raise answer
        return answer


def serve(descriptor: int) -> None:
    """Main loop of the subprocess of `ReadingProcess`: answers until the connection is closed."""
    with Connection(descriptor) as connection:
        reader: Reader | None = None
        while True:
            try:
                question = connection.recv()
                if reader is None:
                    reader, answer = ShardReader(*question), None
                else:
                    answer = reader.read(*question)
            except EOFError:
                return
            except (DatasetError, MemoryError) as error:
                answer = error
            connection.send(answer)


def _end(connection: Connection, process: subprocess.Popen[bytes]) -> None:
    connection.close()
    process.wait()
