"""Errors for users when worker processes cannot start.

Worker processes are new processes (fork would copy threads and engines), which import the script
that starts them. Locks and queues between processes use semaphores in shared memory.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import sys
from collections.abc import Iterator

from doorlab.errors import ConfigError, WorkerError


def end_if_unguarded() -> None:
    """Ends a worker process that runs the unguarded main script while importing it.

    The parent process detects that the worker never began and explains why (`never_began`).
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(1)


def never_began(option: str) -> WorkerError:
    """The error for worker processes none of which began to work.

    Args:
        option: option that sets the number of worker processes ("--workers").
    """
    return WorkerError(
        "worker processes that begin to work",
        "processes that ended during their start",
        "put the main code of your script under `if __name__ == '__main__':`, as every process "
        f"imports the script, which must be a file; or use {option} 1",
    )


@contextlib.contextmanager
def starting(option: str) -> Iterator[None]:
    """Converts errors of starting worker processes into ConfigError that names `option`.

    Raises ConfigError if the system lacks semaphores (no writable /dev/shm), memory, or room for
    more processes. Restores multiprocessing's start method, so that the program may still choose
    one afterwards; multiprocessing allows this only before the first process.
    """
    chosen = multiprocessing.get_start_method(allow_none=True)
    try:
        yield
    except (OSError, NotImplementedError, ImportError) as error:
        too_many = isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.ENOMEM)
        fix = f"reduce {option}" if too_many else f"make /dev/shm writable, or use {option} 1"
        raise ConfigError("a system that can start worker processes", f"{error}", fix) from None
    finally:
        if chosen is None:
            multiprocessing.set_start_method(None, force=True)
