"""Progress bars on standard error and in notebooks; elsewhere, one line at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from importlib.util import find_spec
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
    """Yields `advance(n)`. The bar disappears at the end and leaves one line.

    Args:
        work: name of the work: a model or a command.
        unit: unit that is counted, in the plural: "steps", "doors generated".
        total: total number of units.
        before: number of units done by an earlier process.
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
        *columns, console=console, transient=True, disable=not _shows_bars(console)
    ) as bar:
        task = bar.add_task(work, total=total, completed=before)

        def advance(n: int = 1) -> None:
            nonlocal done
            done += n
            bar.advance(task, n)

        yield advance
    seconds = time.monotonic() - start
    console.print(f"{work}: {counted(done, unit)} in {seconds:.1f} s", highlight=False)


def _shows_bars(console: PlainConsole) -> bool:
    """Whether bars can be redrawn: in a terminal, and in a notebook with ipywidgets."""
    return console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)


def track(iterable: Iterable[T], work: str, unit: str, total: int | None = None) -> Iterator[T]:
    """Yields the items of `iterable` with a progress bar; see `progress_bar` for the arguments."""
    if total is None:
        total = len(iterable) if isinstance(iterable, Sized) else 0
    with progress_bar(work, unit, total) as advance:
        for item in iterable:
            yield item
            advance(1)


def counted(number: int, unit: str) -> str:
    """A number with its unit: "1 step", "2,200 steps", "1 policy"."""
    noun, *rest = unit.split(" ")
    if number == 1:
        noun = f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")
    return " ".join([f"{number:,}", noun, *rest])
