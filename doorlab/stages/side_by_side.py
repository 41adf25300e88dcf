"""What studies of many runs share: they are done side by side, one thread each."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar, runtime_checkable

from doorlab.data.launching import run_local
from doorlab.errors import ConfigError
from doorlab.progress import track


@runtime_checkable
class Named(Protocol):
    """A run: what to do, as plain values that any process can be sent."""

    @property
    def name(self) -> str:
        """Its own: its folder, below the study's."""
        ...


R = TypeVar("R", bound=Named)


def do_runs(do: Callable[[R], object], runs: Sequence[R], workers: int, what: str) -> None:
    """Does runs side by side, in their order.

    Args:
        do: one of them, from nothing but files; it leaves alone what is finished, so that a study
            that was stopped goes on with the same command.
        runs: which.
        workers: processes; 0 for one per core, 1 for this one.
        what: they are, in words.
    """
    by_name = {run.name: run for run in runs}
    work = run_local(partial(_by_name, do, by_name), list(by_name), workers)
    for _ in track(work, what, len(by_name)):
        pass


def _by_name(do: Callable[[R], object], runs: dict[str, R], name: str) -> str:
    do(runs[name])
    return name


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """Worker processes that start inside of this compute with one thread each."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def check_choices(config: Any, *names: str) -> None:
    """Raises ConfigError for settings that name nothing, or something twice."""
    for name in names:
        values = getattr(config, name)
        if not values or len(set(values)) < len(values):
            option = "--" + name.replace("_", "-")
            raise ConfigError(f"{option} without repeats", f"{values}", "name each once")


def device_of(accelerator: str) -> str:
    """Where trained models are asked: as they are trained."""
    import torch

    wanted = accelerator != "cpu" and torch.cuda.is_available()
    return "cuda" if wanted else "cpu"
