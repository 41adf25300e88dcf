"""Launchers: run one callable over many items in worker processes, and yield the results.

Launchers guarantee that every item is retried until it succeeds or raises an error (killed worker
processes are replaced), that worker processes end when the launching process ends for any reason,
and that closing the iterator stops them.
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
from pathlib import Path
from typing import Any

from doorlab.errors import ConfigError, WorkerError, unknown_name
from doorlab.parallel.base import MAX_POOL_RESTARTS, Launcher, Results, Work
from doorlab.parallel.lifeline import when_ended
from doorlab.parallel.shared_disk import SharedDiskCheck
from doorlab.parallel.worker_processes import end_if_unguarded, never_began, starting
from doorlab.runtime.environment_variables import environment_variables


def run_items(
    launcher: str,
    work: Work,
    items: Sequence[str],
    workers: int,
    folder: Path,
    gpus: float = 0.0,
) -> Results:
    """Runs work over items with the named launcher; yields the results in any order.

    Args:
        launcher: a name of `LAUNCHERS`.
        work, items, workers, gpus: as for `Launcher`.
        folder: an existing folder for the files that the work writes.

    Raises:
        ConfigError: if the launcher is unknown, or not installed.
        ResultError: if a machine of the cluster does not share the folder.
        DoorlabError: the errors of the launcher and of the work.
    """
    run = get_launcher(launcher)
    with (
        SharedDiskCheck(folder, work) as shared,
        contextlib.closing(run(shared, items, workers, gpus)) as results,
    ):
        yield from results


def run_local(work: Work, items: Sequence[str], workers: int, gpus: float = 0.0) -> Results:
    """A launcher: worker processes on this machine; one worker is the calling process itself.

    The workers share the GPUs of the machine, so that `gpus` has no effect.

    Raises:
        WorkerError: worker processes do not start, or keep dying without finishing an item.
        ConfigError: the system cannot start worker processes.
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
                raise WorkerError(
                    "worker processes that keep running",
                    f"{fruitless} rounds without progress, in which one was killed",
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
            "a Python environment without it",
            "run `pip install 'doorlab[ray]'`, or use --launcher local",
        ) from None
    return run_on_ray


LAUNCHERS: dict[str, Callable[[], Launcher]] = {"local": lambda: run_local, "ray": _ray}


def get_launcher(name: str) -> Launcher:
    """The named launcher. Raises ConfigError for an unknown name or a missing installation."""
    end_if_unguarded()
    if name not in LAUNCHERS:
        raise unknown_name("launcher", name, LAUNCHERS)
    return LAUNCHERS[name]()


@contextlib.contextmanager
def cluster_of(launcher: str) -> Iterator[None]:
    """Connects once to the cluster of a launcher, for all `run_items` in the block.

    Raises the errors of `get_launcher`, and ConfigError if there is no cluster at RAY_ADDRESS.
    """
    if get_launcher(launcher) is run_local:
        yield
        return
    from doorlab.parallel.ray import connected

    with connected():
        yield


def check_workers(workers: int) -> None:
    """Raises ConfigError for a negative number of workers."""
    if workers < 0:
        raise ConfigError("workers of at least 0", f"{workers}", "correct --workers")


def count_workers(workers: int) -> int:
    """`workers`, or for 0 the number of usable cores. Raises ConfigError for a negative number."""
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
        # Worker processes inherit both settings: only the parent handles Ctrl-C.
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


_work: Work  # task of this worker process, set once at its start


def _begin(work: Work, watched: Connection, beginning: Connection) -> None:
    global _work
    _work = work
    beginning.send_bytes(b"begun")
    when_ended(watched.recv_bytes, lambda: os._exit(1))


def _call(item: str) -> Any:
    return _work(item)


def _share_of_cores(workers: int) -> dict[str, str]:
    """Environment variables that limit a worker process to its share of the cores."""
    if "OMP_NUM_THREADS" in os.environ:  # set by the user
        return {}
    return {"OMP_NUM_THREADS": str(max(1, count_workers(0) // workers))}


@contextlib.contextmanager
def _interrupts_withheld() -> Iterator[None]:
    """Blocks Ctrl-C for processes started in the block; this process handles it after the block."""
    if sys.platform == "win32":  # Windows has no signal masks
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
