"""Types shared by launchers: a launcher runs one callable over many items."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol, runtime_checkable

MAX_POOL_RESTARTS = 3

Work = Callable[[str], Any]
Results = Generator[Any, None, None]


@runtime_checkable
class Launcher(Protocol):
    """Runs the work over the items in worker processes."""

    def __call__(
        self, work: Work, items: Sequence[str], workers: int, gpus: float = 0.0
    ) -> Results:
        """Yields one result per item, in any order.

        Args:
            work: the callable. It is pickled once per worker process, and may keep state there.
            items: arguments of the work, different from each other.
            workers: number of worker processes; 0 for as many as possible.
            gpus: number of GPUs that a worker process reserves: a whole number, or a share of one.
        """
        ...
