"""Processes that end when their parent ends for any reason, including SIGKILL.

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
    """Starts `doorlab ARGS`, which stops as on SIGTERM when this process ends.

    Args:
        args: arguments of the command line.
        log: file for its output and errors.
    """
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *args],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def wait_for(command: subprocess.Popen[bytes]) -> None:
    """Waits until a command ends. Closes its pipe first, so that a running command stops."""
    with command:  # closes the pipe
        pass


def stop_with_parent() -> None:
    """Stops this process (one of `start_command`) when its standard input ends."""

    def wait() -> None:
        while os.read(0, 1024):
            pass

    when_ended(wait, lambda: os.kill(os.getpid(), signal.SIGTERM))


def when_ended(wait: Callable[[], object], end: Callable[[], object]) -> None:
    """Calls `end` in a separate thread as soon as `wait` returns or its pipe is closed."""

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            wait()
        end()

    threading.Thread(target=watch, daemon=True).start()
