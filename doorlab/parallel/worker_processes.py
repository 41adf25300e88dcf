"""What keeps worker processes from starting, told to the user.

Workers are new processes (fork would copy threads and engines), which import the script that starts
them. Locks and queues between processes are semaphores in shared memory.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import sys
from collections.abc import Iterator

from doorlab.errors import ConfigError, SimulatorError


def end_if_unguarded() -> None:
    """Ends a worker that is about to do the work of the script which it only had to import.

    The process that started it finds that it never began, and says why (`never_began`).
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(1)


def never_began(option: str) -> SimulatorError:
    """The error for worker processes of which none began with its work.

    Args:
        option: that sets how many there are ("--workers").
    """
    return SimulatorError(
        "worker processes that begin with their work",
        "processes that ended while they were starting",
        "put what your script does under `if __name__ == '__main__':`, as every process imports "
        f"the script, which has to be a file; or use {option} 1",
    )


@contextlib.contextmanager
def starting(option: str) -> Iterator[None]:
    """Has the system's refusals to start worker processes name `option`, which sets their number.

    Raises ConfigError for want of semaphores (no /dev/shm that can be written), of memory, and of
    room for more processes. The program may still choose its way to start processes afterwards,
    which multiprocessing lets it do only before the first one.
    """
    chosen = multiprocessing.get_start_method(allow_none=True)
    try:
        yield
    except (OSError, NotImplementedError, ImportError) as error:
        too_many = isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.ENOMEM)
        fix = f"lower {option}" if too_many else f"make /dev/shm writable, or use {option} 1"
        raise ConfigError("a system that starts worker processes", f"{error}", fix) from None
    finally:
        if chosen is None:
            multiprocessing.set_start_method(None, force=True)
