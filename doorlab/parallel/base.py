"""Types shared by launchers: a launcher runs one callable over many items."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

MAX_POOL_RESTARTS = 3

Work = Callable[[str], Any]
Results = Generator[Any, None, None]
# Runs the work over the items in a number of worker processes; 0 for as many as possible. The work
# is pickled once per worker process, and may keep state there.
Launcher = Callable[[Work, Sequence[str], int], Results]
