"""Signals that ask a process to stop: Ctrl-C, a scheduler's SIGTERM, a closed terminal's SIGHUP."""

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
    """Between `with` and its end, `handle` is called for every signal that asks to stop.

    A signal that this process was told to ignore (by `nohup`, for example) stays ignored. Outside
    of the main thread, where Python allows no handlers, signals are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    taken = {n: old for n, old in before.items() if old not in (signal.SIG_IGN, None)}
    try:
        for number in taken:
            signal.signal(number, handle)
        yield
    finally:
        for number, old in taken.items():
            signal.signal(number, old)


class Interruption:
    """A handler that interrupts the main thread as Ctrl-C does, and remembers that it did.

    A library in C that is interrupted may raise another error than KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.requested = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal."""
        self.requested = True
        raise KeyboardInterrupt


def die_on_stops() -> None:
    """From now on, a signal that asks to stop ends this process at once, without a word."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
