"""Scalars for TensorBoard, written in this thread; write errors do not end a run."""

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
_numbers = itertools.count()  # numbers of the files that this process writes


class CurveWriter:
    """A TensorBoard event file, created with the first scalars.

    PyTorch's `SummaryWriter` uses a thread, which prints a traceback if the disk is full; the next
    call then fails.

    Args:
        folder: folder of the file; created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._file, self._has_failed = folder, None, False

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes scalars of a step. The first failure logs a warning and disables the writer."""
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
            _log.warning("no more curves in %s: %s; training continues", self._folder, error)

    def close(self) -> None:
        """Closes the file. Later scalars go to a new file."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # data that could not be written before
                self._file.close()
            self._file = None

    def _open(self, step: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        host, process = socket.gethostname(), os.getpid()
        name = f"events.out.tfevents.{int(time.time()):010d}.{host}.{process}.{next(_numbers):03d}"
        self._file = open(self._folder / name, "wb")  # noqa: SIM115  closed by `close`
        # TensorBoard hides events of a killed run after this step.
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
    """The message classes of TensorBoard in use; slow to import."""
    from tensorboard.compat.proto import event_pb2, summary_pb2

    modules: tuple[Any, Any] = event_pb2, summary_pb2
    events, summaries = modules  # their classes are created at import
    return SimpleNamespace(
        Event=events.Event, SessionLog=events.SessionLog, Summary=summaries.Summary
    )
