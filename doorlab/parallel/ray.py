"""A launcher for many machines: workers are Ray actors, which keep the work's state between items.

Uses the cluster at RAY_ADDRESS or, if unset, the one that `ray start` has started on this machine.
Otherwise a cluster is started on this machine and ends with the run. Workers run in the working
directory of the launching process. It and all files of the work must be on a disk that the machines
share, and doorlab must be installed on all of them.
"""

from __future__ import annotations

import logging
import os
import platform
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


def run_on_ray(work: Work, items: Sequence[str], workers: int, gpus: float = 0.0) -> Results:
    """A launcher: workers on a Ray cluster, which reserve one CPU and `gpus` GPUs each.

    With 0 workers, there are as many as the cluster has room for, also on machines that join later.
    Workers beyond the cluster's capacity wait. If a worker or its machine dies, another worker
    restarts its item.

    Raises:
        ConfigError: there is no cluster at RAY_ADDRESS, or it has fewer GPUs than a worker needs.
        WorkerError: workers keep dying without finishing an item, or the cluster ends.
    """
    if not items:
        return
    with connected():
        _check_gpus(gpus)
        with closing(_ActorPool(work, workers, gpus, items)) as crew:
            for _ in items:
                yield crew.next_result()


def _check_gpus(gpus: float) -> None:
    """Raises ConfigError if the cluster has too few GPUs for a worker."""
    found = ray.cluster_resources().get("GPU", 0.0)
    if found < gpus:
        raise ConfigError(
            f"a Ray cluster with {gpus:g} GPUs or more",
            f"{found:g}",
            "add machines with GPUs, or use --device cpu",
        )


def _capacity(gpus: float) -> int:
    """The number of workers that the cluster has room for, busy ones included; at least 1."""
    found = ray.cluster_resources()
    room = int(found.get("CPU", 1.0))
    if gpus:
        # A share of a GPU is on one GPU. The small number is for shares such as 1/3.
        per_gpu = int(1.0 / gpus + 1e-6)
        gpu_count = found.get("GPU", 0.0)
        room = min(room, int(gpu_count) * per_gpu if gpus < 1.0 else int(gpu_count / gpus))
    return max(1, room)


def _variables(gpus: float) -> dict[str, str]:
    """Environment variables of workers: threads as in this process, and no GPU without `gpus`.

    Ray chooses the threads if this process does not. It hides GPUs only from workers that reserve
    one, so that the device auto would otherwise be a GPU that Ray may give to another worker.
    """
    found = {name: os.environ[name] for name in ("OMP_NUM_THREADS",) if name in os.environ}
    return found if gpus else {**found, "CUDA_VISIBLE_DEVICES": ""}


class _Worker:
    """The actor. It gets the work after its start, so that unpickling errors do not kill it."""

    def begin(self, folder: str, variables: dict[str, str], boxed: list[ray.ObjectRef]) -> None:
        """Unpickles the work in the folder and environment of the launching process.

        Args:
            folder: working directory.
            variables: environment variables, set before libraries read them.
            boxed: the reference to the work; in a list, so that Ray does not resolve it before.

        Raises ConfigError if the folder does not exist on this machine.
        """
        os.environ.update(variables)
        try:
            os.chdir(folder)
        except OSError:
            raise ConfigError(
                f"the working directory {folder} on a disk that all workers share",
                f"none on {platform.node()}",
                "start the command in a folder that every machine of the cluster can access",
            ) from None
        self._work = ray.get(boxed[0])

    def call(self, item: str) -> Any:
        return self._work(item)


class _ActorPool:
    """The workers, and the item that each of them works on."""

    def __init__(self, work: Work, workers: int, gpus: float, items: Sequence[str]) -> None:
        self._work, self._workers, self._waiting = ray.put(work), workers, deque(items)
        self._gpus, self._most = gpus, 1  # the largest number of workers so far
        self._deaths = 0  # number of deaths since the last result
        needs: dict[str, Any] = {"num_gpus": gpus} if gpus else {}
        actor = ray.remote(num_cpus=1, scheduling_strategy="SPREAD", **needs)
        self._start = actor(_Worker).remote
        self._calls: dict[ray.ObjectRef, tuple[Any, str | None]] = {}  # -> worker and its item

    def next_result(self) -> Any:
        """The result of any item; on return all workers are busy, as long as items are left."""
        while True:
            self._spawn_missing()
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

    def _spawn_missing(self) -> None:
        """Starts workers up to their number, and at most one per waiting item."""
        starting = sum(item is None for _, item in self._calls.values())
        wanted = len(self._waiting) - starting
        if wanted <= 0:
            return
        limit = self._workers or _capacity(self._gpus)
        for _ in range(min(wanted, limit - len(self._calls))):
            worker: Any = self._start()
            begun = worker.begin.remote(os.getcwd(), _variables(self._gpus), [self._work])
            self._calls[begun] = worker, None
        self._most = max(self._most, len(self._calls))

    def _assign(self, worker: Any) -> None:
        if self._waiting:
            item = self._waiting.popleft()
            self._calls[worker.call.remote(item)] = worker, item
        else:
            ray.kill(worker)  # frees its CPU for other programs

    def _replace(self, worker: Any, item: str | None) -> None:
        ray.kill(worker)  # it may still be running, but unreachable
        self._deaths += 1
        if self._deaths == MAX_POOL_RESTARTS * self._most:
            raise WorkerError(
                "Ray workers that keep running",
                f"{self._deaths} that died in a row",
                "use fewer --workers if memory ran out, and run the same command again, "
                "with --resume if it has that option",
            )
        if item is not None:
            self._waiting.appendleft(item)


@contextmanager
def connected() -> Iterator[None]:
    """Connects to the cluster, or starts one; an existing connection of the caller is kept.

    Raises ConfigError if there is no cluster at RAY_ADDRESS, WorkerError if the cluster ends.
    """
    if ray.is_initialized():
        yield
        return
    with environment_kept(), _connection():
        yield


@contextmanager
def _connection() -> Iterator[None]:
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
            "start one, or set RAY_ADDRESS to local to use this machine",
        ) from None
    try:
        yield
    except (exceptions.RaySystemError, exceptions.LocalRayletDiedError) as error:
        fix = (
            "find out why it ended, and run the same command again, with --resume if it has that "
            "option"
        )
        raise WorkerError("a running Ray cluster", f"{error}".split("\n")[0], fix) from None
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raises OSError if the address does not answer; Ray would retry for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    if port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10.0).close()
