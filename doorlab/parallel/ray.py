"""A launcher for many machines: workers are Ray actors, which keep the work's state between items.

Uses the cluster at RAY_ADDRESS or, if unset, the one that `ray start` has started on this machine.
Otherwise a cluster is started on this machine and ends with the run. All files that the work writes
must be on a disk that the machines share, and doorlab must be installed on all of them.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import ray
from ray import exceptions

from doorlab.errors import ConfigError, WorkerError
from doorlab.parallel.base import MAX_POOL_RESTARTS, Results, Work
from doorlab.runtime.environment_variables import environment_kept
from doorlab.runtime.signals import handlers_kept

# Exceptions of a call whose worker process or machine is gone.
_LOST = (
    exceptions.RayActorError,
    exceptions.WorkerCrashedError,
    exceptions.NodeDiedError,
    exceptions.OutOfMemoryError,
    exceptions.ObjectLostError,
)
_END_SECONDS = 10.0  # time limit for killed workers to end


def run_on_ray(work: Work, items: Sequence[str], workers: int) -> Results:
    """A launcher: workers with one CPU each on a Ray cluster; 0 for as many as it has CPUs.

    Workers beyond the cluster's capacity wait. If a worker or its machine dies, another worker
    restarts its item.

    Raises:
        ConfigError: there is no cluster at RAY_ADDRESS.
        WorkerError: workers keep dying without finishing an item, or the cluster ends.
    """
    if not items:
        return
    with environment_kept(), _connected():
        size = min(workers or int(ray.cluster_resources().get("CPU", 1)), len(items))
        with closing(_ActorPool(work, max(size, 1), items)) as crew:
            for _ in items:
                yield crew.next_result()


class _Worker:
    """The actor. It gets the work after its start, so that unpickling errors do not kill it."""

    def begin(self, work: Work) -> None:
        self._work = work

    def call(self, item: str) -> Any:
        return self._work(item)


class _ActorPool:
    """The workers, and the item that each of them works on."""

    def __init__(self, work: Work, size: int, items: Sequence[str]) -> None:
        self._work, self._size, self._waiting = ray.put(work), size, deque(items)
        self._deaths = 0  # number of deaths since the last result
        self._start = ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(_Worker).remote
        self._calls: dict[ray.ObjectRef, tuple[Any, str | None]] = {}  # -> worker and its item
        for _ in range(size):
            self._spawn()

    def next_result(self) -> Any:
        """The result of any item; on return all workers are busy, as long as items are left."""
        while True:
            (done,), _ = ray.wait(list(self._calls))
            worker, item = self._calls.pop(done)
            try:
                result = ray.get(done)
            except _LOST:
                self._replace(worker, item)
                continue
            except exceptions.RayTaskError as error:
                raise error.cause from None  # the exception of the work, without Ray's wrapper
            self._assign(worker)
            if item is not None:
                self._deaths = 0
                return result

    def close(self) -> None:
        """Ends all workers and waits until they are gone, so that they do not write any more."""
        for worker, _ in self._calls.values():
            ray.kill(worker)
        if self._calls:
            ray.wait(list(self._calls), num_returns=len(self._calls), timeout=_END_SECONDS)

    def _spawn(self) -> None:
        worker: Any = self._start()
        self._calls[worker.begin.remote(self._work)] = worker, None

    def _assign(self, worker: Any) -> None:
        if self._waiting:
            item = self._waiting.popleft()
            self._calls[worker.call.remote(item)] = worker, item
        else:
            ray.kill(worker)  # frees its CPU for other programs

    def _replace(self, worker: Any, item: str | None) -> None:
        ray.kill(worker)  # it may still be running, but unreachable
        self._deaths += 1
        if self._deaths == MAX_POOL_RESTARTS * self._size:
            raise WorkerError(
                "Ray workers that keep running",
                f"{self._deaths} that died in a row",
                "use fewer --workers if memory ran out, and resume with --resume",
            )
        if item is not None:
            self._waiting.appendleft(item)
        if self._waiting:
            self._spawn()


@contextmanager
def _connected() -> Iterator[None]:
    """Connects to the cluster, or starts one; an existing connection of the caller is kept."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # telemetry only on request
    address = os.environ.get("RAY_ADDRESS", "")
    try:
        _check_reachable(address)
        with handlers_kept():
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises a plain one if a node does not start in time
        raise ConfigError(
            f"a Ray cluster at {address or 'the address of `ray start`'}",
            " ".join(f"{error}".split()),
            "start one, or set RAY_ADDRESS to local to use this machine, and resume with --resume",
        ) from None
    try:
        yield
    except (exceptions.RaySystemError, exceptions.LocalRayletDiedError) as error:
        fix = "find out why it ended, and resume with --resume"
        raise WorkerError("a running Ray cluster", f"{error}".split("\n")[0], fix) from None
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raises OSError if the address does not answer; Ray would retry for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    if port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10.0).close()
