"""Scalars for TensorBoard, written by this thread: a disk that refuses them ends no run."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import socket
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_log = logging.getLogger(__name__)
_numbers = itertools.count()  # of the files that this process writes


class CurveWriter:
    """A file of TensorBoard's events, made with the first scalars.

    PyTorch's `SummaryWriter` has a thread for it, which prints a traceback when the disk is full;
    then the next call fails.

    Args:
        folder: of the file, made where there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._file, self._has_failed = folder, None, False

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes scalars of a step. After a first failure, of which it warns, it does nothing."""
        if self._has_failed:
            return
        of_summary = _messages().Summary
        values = [of_summary.Value(tag=name, simple_value=value) for name, value in scalars.items()]
        try:
            if self._file is None:
                self._open(step)
            self._write(step=step, summary=of_summary(value=values))
        except OSError as error:
            self._has_failed = True
            self.close()
            _log.warning("no more curves in %s: %s; training goes on", self._folder, error)

    def close(self) -> None:
        """Closes the file. Scalars that are added later go to another one."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # of what could not be written before
                self._file.close()
            self._file = None

    def _open(self, step: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        host, process = socket.gethostname(), os.getpid()
        name = f"events.out.tfevents.{int(time.time()):010d}.{host}.{process}.{next(_numbers):03d}"
        self._file = open(self._folder / name, "wb")  # noqa: SIM115  closed by `close`
        # Events of a killed run that lie behind this step are hidden.
        self._write(step=step, file_version="brain.Event:2")
        of_session = _messages().SessionLog
        self._write(step=step, session_log=of_session(status=of_session.START))

    def _write(self, **content: Any) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        record = _messages().Event(wall_time=time.time(), **content).SerializeToString()
        RecordWriter(self._file).write(record)
        assert self._file is not None
        self._file.flush()


@cache
def _messages() -> Any:
    """The kinds of TensorBoard's messages that are written here; slow to import."""
    from tensorboard.compat.proto import event_pb2, summary_pb2

    modules: tuple[Any, Any] = event_pb2, summary_pb2
    events, summaries = modules  # whose classes are made when they are imported
    return SimpleNamespace(
        Event=events.Event, SessionLog=events.SessionLog, Summary=summaries.Summary
    )
