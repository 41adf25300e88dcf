"""Measure what this machine does: frames, interactions, datasets made and read, environments.

Speeds are in items per second; ratios (`..._vs_...`) compare two ways of doing the same work,
timed in turn within one run, so that they hold on busy machines too. All of it takes about ten
minutes; --only chooses. What is finished when it is interrupted is printed and written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.table import Table

from doorlab.benchmarks import (
    arm,
    convergence,
    decisions,
    environment,
    generation,
    reading,
    simulation,
    torch_simulator,
    training,
)
from doorlab.errors import unknown_name
from doorlab.intervals import Estimate
from doorlab.limits import at_least, check_limits
from doorlab.options import Option
from doorlab.results import write_result
from doorlab.runtime.torch_state import process_defaults
from doorlab.storage.files import check_writable, refuse_overwrite
from doorlab.terminal.console import PlainConsole
from doorlab.terminal.progress import track
from doorlab.terminal.text import print_line, print_note

BENCHMARKS: dict[str, Callable[[int], dict[str, Estimate]]] = {
    "frames": simulation.frames,
    "interactions": simulation.interactions,
    "torch_frames": torch_simulator.frames,
    "torch_interactions": torch_simulator.interactions,
    "convergence": convergence.study,
    "workers": generation.workers,
    "reading": reading.batches,
    "codecs": reading.codecs,
    "pretraining": training.pretraining,
    "arithmetic": training.arithmetic,
    "environment": environment.vector,
    "decisions": decisions.decisions,
    "simulation_share": decisions.simulation_share,
    "panda": arm.panda,
    "soak": generation.soak,
}

_DURATION = "about 10 minutes on an idle machine with 2 cores"


@dataclass(frozen=True)
class Config:
    """What to measure, how often, and where to write it."""

    only: Annotated[tuple[str, ...], Option(tuple(BENCHMARKS))] = ()
    """Names of the benchmarks to run; all of them when empty."""
    rounds: Annotated[int, at_least(2)] = 7
    """Timed rounds of each benchmark; intervals are over rounds."""
    json: Path | None = None
    """File to write the figures to; they are printed in any case."""
    overwrite: bool = False
    """Replace the file if there is one."""

    def __post_init__(self) -> None:
        check_limits(self)


@process_defaults()
def run(config: Config) -> dict[str, Estimate]:
    """Runs the benchmarks, prints a table, writes the JSON result; returns the figures."""
    for name in config.only:
        if name not in BENCHMARKS:
            raise unknown_name("benchmark", name, BENCHMARKS)
    if config.json is not None:
        refuse_overwrite(config.json, config.overwrite)
        check_writable(config.json)
    names = config.only or tuple(BENCHMARKS)
    print_note(f"{len(names)} of {len(BENCHMARKS)} benchmarks; all of them take {_DURATION}")
    figures: dict[str, Estimate] = {}
    finished: list[str] = []
    try:
        for name in track(names, "bench", "benchmarks"):
            figures |= BENCHMARKS[name](config.rounds)
            finished.append(name)
    except KeyboardInterrupt:
        if figures:
            _finish(config, figures, finished)
        kept = f"those of {', '.join(finished)} are kept" if figures else "there are no figures yet"
        raise KeyboardInterrupt(f"interrupted; {kept}") from None
    _finish(config, figures, finished)
    return figures


def _finish(config: Config, figures: dict[str, Estimate], finished: list[str]) -> None:
    """Prints the figures of the benchmarks that were finished, and writes them."""
    _print(figures, config.rounds)
    if config.json is not None:
        write_result(config.json, "bench", config, figures, finished=finished)
        print_line(f"result in {config.json}")


def _print(figures: dict[str, Estimate], rounds: int) -> None:
    table = Table("figure", "mean", "95 % interval", title=f"This machine, {rounds} rounds each")
    for name, estimate in figures.items():
        low, high = estimate.ci95
        table.add_row(name, f"{estimate.mean:,.3g}", f"{low:,.3g} to {high:,.3g}")
    PlainConsole().print(table)
