"""Computes the batches of the next training steps in threads during the current step."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """A function of 0, 1, 2, ..., evaluated some numbers ahead.

    Numbers must be requested in ascending order, from any start. As a context manager the object
    ends its threads. Exceptions of the function are raised to the caller of their number.

    Args:
        compute: a pure function of the number.
        count: number of values.
        ahead: number of values that are computed ahead, each in its own thread.

    Attributes:
        waited: total time that callers waited, s.
    """

    def __init__(self, compute: Callable[[int], T], count: int, ahead: int = 1) -> None:
        self._compute, self._count, self._ahead = compute, count, ahead
        self._pool = ThreadPoolExecutor(ahead, thread_name_prefix="ahead")
        self._futures: dict[int, Future[T]] = {}
        self.waited = 0.0

    def __call__(self, number: int) -> T:
        """The value for a number; starts to compute the next ones."""
        start = time.perf_counter()
        wanted = range(number, min(number + self._ahead + 1, self._count))
        self._futures = {n: self._futures.get(n) or self._start(n) for n in wanted}
        value = self._futures[number].result()
        self.waited += time.perf_counter() - start
        return value

    def __enter__(self) -> Prefetcher[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads, once the values that they compute are complete."""
        self._pool.shutdown(cancel_futures=True)

    def _start(self, number: int) -> Future[T]:
        return self._pool.submit(self._compute, number)
