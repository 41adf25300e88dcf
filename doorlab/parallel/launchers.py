"""How work is spread: launchers run one callable over many items and yield what comes back.

A launcher promises that every item is worked on until it succeeds or fails for a reason of its
own (a worker that is killed is replaced), that its workers end when the launching process does,
however it ends, and that closing the iterator stops them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any

from doorlab.errors import ConfigError, SimulatorError, unknown_name
from doorlab.parallel.base import MAX_POOL_RESTARTS, Launcher, Results, Work
from doorlab.parallel.lifeline import when_ended
from doorlab.parallel.worker_processes import end_if_unguarded, never_began, starting
from doorlab.runtime.environment_variables import environment_variables


def run_local(work: Work, items: Sequence[str], workers: int) -> Results:
    """A launcher: processes on this machine; with one worker, this very process.

    Raises:
        SimulatorError: worker processes do not start, or keep dying without getting anything done.
        ConfigError: the system does not let worker processes start.
    """
    end_if_unguarded()
    workers = count_workers(workers)
    if min(workers, len(items)) <= 1:
        yield from map(work, items)
        return
    waiting, fruitless = dict.fromkeys(items), 0
    while waiting:
        before = len(waiting)
        try:
            for item, result in _run_pool(work, list(waiting), min(workers, len(waiting))):
                del waiting[item]
                yield result
        except BrokenProcessPool:
            fruitless = fruitless + 1 if len(waiting) == before else 0
            if fruitless == MAX_POOL_RESTARTS:
                raise SimulatorError(
                    "worker processes that live",
                    f"{fruitless} rounds in which one was killed",
                    "use fewer --workers if memory ran out, and run the same command again, "
                    "with --resume if it has that option",
                ) from None


def _ray() -> Launcher:
    try:
        from doorlab.parallel.ray import run_on_ray
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "ray":
            raise
        raise ConfigError(
            "ray to be installed",
            "a Python without it",
            "run `pip install 'doorlab[ray]'`, or use --launcher local",
        ) from None
    return run_on_ray


LAUNCHERS: dict[str, Callable[[], Launcher]] = {"local": lambda: run_local, "ray": _ray}


def get_launcher(name: str) -> Launcher:
    """The named launcher. Raises ConfigError for an unknown name, and for one not installed."""
    end_if_unguarded()
    if name not in LAUNCHERS:
        raise unknown_name("launcher", name, LAUNCHERS)
    return LAUNCHERS[name]()


def check_workers(workers: int) -> None:
    """Raises ConfigError below 0."""
    if workers < 0:
        raise ConfigError("workers of at least 0", f"{workers}", "correct --workers")


def count_workers(workers: int) -> int:
    """`workers`, or the number of usable cores for 0. Raises ConfigError below 0."""
    check_workers(workers)
    usable = getattr(os, "sched_getaffinity", None)
    return workers or (len(usable(0)) if usable else os.cpu_count() or 1)


def _run_pool(work: Work, items: list[str], workers: int) -> Generator[tuple[str, Any], None, None]:
    context = multiprocessing.get_context("spawn")  # fork would copy threads and engines
    watched, lifeline = context.Pipe(duplex=False)
    begun, beginning = context.Pipe(duplex=False)
    with starting("--workers"):
        pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=_begin, initargs=(work, watched, beginning)
        )
    try:
        # The workers inherit both: Ctrl-C is the parent's to handle.
        shares = environment_variables(**_share_of_cores(workers))
        with shares, _interrupts_withheld(), starting("--workers"):
            futures = {pool.submit(_call, item): item for item in items}
        for future in as_completed(futures):
            yield futures.pop(future), future.result()
    except BaseException as error:
        lifeline.close()
        if isinstance(error, BrokenProcessPool) and not begun.poll():
            raise never_began("--workers") from None
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        for end in (lifeline, watched, begun, beginning):
            end.close()


_work: Work  # what this worker process does, set once when it begins


def _begin(work: Work, watched: Connection, beginning: Connection) -> None:
    global _work
    _work = work
    beginning.send_bytes(b"begun")
    when_ended(watched.recv_bytes, lambda: os._exit(1))


def _call(item: str) -> Any:
    return _work(item)


def _share_of_cores(workers: int) -> dict[str, str]:
    """Environment variables by which worker processes compute on their share of the cores."""
    if "OMP_NUM_THREADS" in os.environ:  # somebody has decided
        return {}
    return {"OMP_NUM_THREADS": str(max(1, count_workers(0) // workers))}


@contextlib.contextmanager
def _interrupts_withheld() -> Iterator[None]:
    """Processes that start inside of this never see Ctrl-C; this one sees it when they have."""
    if sys.platform == "win32":  # it has no masks of signals
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
