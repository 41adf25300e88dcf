"""Processes that end when the one that started them does, however it ends: by SIGKILL, too.

The parent holds one end of a pipe, which the system closes with it; the child waits at the other.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO

_COMMAND = (
    "import sys\n"
    "from doorlab.parallel import lifeline\n"
    "lifeline.stop_with_parent()\n"
    "from doorlab.cli import main\n"
    "sys.exit(main())\n"
)


def start_command(args: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Starts `doorlab ARGS`, which stops as on SIGTERM when this process is gone.

    Args:
        args: of the command line.
        log: where its output and errors go.
    """
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *args],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def wait_for(command: subprocess.Popen[bytes]) -> None:
    """Waits for a command's end. One that is still running is asked to stop."""
    with command:  # closes the pipe
        pass


def stop_with_parent() -> None:
    """In a process of `start_command`: has it stop when standard input ends."""

    def wait() -> None:
        while os.read(0, 1024):
            pass

    when_ended(wait, lambda: os.kill(os.getpid(), signal.SIGTERM))


def when_ended(wait: Callable[[], object], end: Callable[[], object]) -> None:
    """Calls `end` in a thread of its own as soon as `wait` returns or finds its pipe closed."""

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            wait()
        end()

    threading.Thread(target=watch, daemon=True).start()
