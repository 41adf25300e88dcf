"""Progress bars on standard error; one line at the end where there is no terminal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from doorlab.console import PlainConsole
from doorlab.terminal import printable

T = TypeVar("T")


@contextlib.contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields `advance(n)`. The bar vanishes when done, and leaves one line behind."""
    console, description = PlainConsole(stderr=True), printable(description)
    start, done = time.monotonic(), 0
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(description, total=total)

        def advance(n: int = 1) -> None:
            nonlocal done
            done += n
            bar.advance(task, n)

        yield advance
    console.print(f"{description}: {done} in {time.monotonic() - start:.1f} s", highlight=False)


def track(iterable: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """The items of `iterable`, with a bar."""
    if total is None:
        total = len(iterable) if isinstance(iterable, Sized) else 0
    with progress_bar(description, total) as advance:
        for item in iterable:
            yield item
            advance(1)
