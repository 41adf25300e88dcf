"""Signals that stop a process: Ctrl-C, a scheduler's SIGTERM, a closed terminal's SIGHUP."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
STOP_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


@contextlib.contextmanager
def stops_handled(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Calls `handle` for every stop signal during the block.

    Signals that this process ignores (because of `nohup`, for example) stay ignored. Outside of
    the main thread, where Python allows no handlers, signals are not handled.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with handlers_kept():
        for number in STOP_SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                signal.signal(number, handle)
        yield


@contextlib.contextmanager
def handlers_kept() -> Iterator[None]:
    """Restores the handlers of stop signals at the end of the block."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not signal.getsignal(number) and handler is not None:
                signal.signal(number, handler)


class Interruption:
    """A handler that raises KeyboardInterrupt in the main thread, and records that it did.

    The record is needed because an interrupted C library may raise another error instead.
    """

    def __init__(self) -> None:
        self.requested = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal."""
        self.requested = True
        raise KeyboardInterrupt


def die_on_stops() -> None:
    """From now on, stop signals end this process immediately and silently."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
