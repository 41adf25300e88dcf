"""Work for later steps, done in a thread while the present one is trained on."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """A function of 0, 1, 2, ..., asked for in that order from anywhere on, computed one ahead.

    As a context manager it leaves no thread behind. What the function raises is raised to whoever
    asks.

    Args:
        compute: a pure function of the number.
        count: how many numbers there are.

    Attributes:
        waited: s, that those who asked have waited.
    """

    def __init__(self, compute: Callable[[int], T], count: int) -> None:
        self._compute, self._count = compute, count
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._futures: dict[int, Future[T]] = {}
        self.waited = 0.0

    def __call__(self, number: int) -> T:
        """The value for a number; starts on the next one."""
        start = time.perf_counter()
        wanted = [n for n in (number, number + 1) if n < self._count]
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
        self._pool.shutdown(cancel_futures=True)

    def _start(self, number: int) -> Future[T]:
        return self._pool.submit(self._compute, number)
