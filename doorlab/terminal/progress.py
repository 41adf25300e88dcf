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

from doorlab.terminal.console import PlainConsole
from doorlab.terminal.text import printable

T = TypeVar("T")


@contextlib.contextmanager
def progress_bar(
    work: str, unit: str, total: int, before: int = 0
) -> Iterator[Callable[[int], None]]:
    """Yields `advance(n)`. The bar vanishes when done, and leaves one line behind.

    Args:
        work: what is done: the name of a model or of a command.
        unit: what is counted, in the plural: "steps", "doors generated".
        total: how many there are.
        before: how many of them are done already, by an earlier process.
    """
    console, work, start, done = PlainConsole(stderr=True), printable(work), time.monotonic(), 0
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(printable(unit), markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(work, total=total, completed=before)

        def advance(n: int = 1) -> None:
            nonlocal done
            done += n
            bar.advance(task, n)

        yield advance
    seconds = time.monotonic() - start
    console.print(f"{work}: {counted(done, unit)} in {seconds:.1f} s", highlight=False)


def track(iterable: Iterable[T], work: str, unit: str, total: int | None = None) -> Iterator[T]:
    """The items of `iterable`, with a bar; the other arguments are those of `progress_bar`."""
    if total is None:
        total = len(iterable) if isinstance(iterable, Sized) else 0
    with progress_bar(work, unit, total) as advance:
        for item in iterable:
            yield item
            advance(1)


def counted(number: int, unit: str) -> str:
    """A number of things in words: "1 step", "2,200 steps", "1 policy"."""
    noun, *rest = unit.split(" ")
    if number == 1:
        noun = f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")
    return " ".join([f"{number:,}", noun, *rest])
