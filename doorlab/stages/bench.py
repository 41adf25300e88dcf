"""Measure the throughput of this machine: simulation, datasets, training, environments, policies.

Speeds are in items per second. Ratios (`..._vs_...`) compare two implementations of the same work.
The two are timed in alternation within one run, so that ratios are valid on busy machines too.
Without --only, all benchmarks except time_to_claim run, in about ten minutes. After Ctrl-C,
the metrics of the finished benchmarks are printed and written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    on_disk,
    reading,
    simulation,
    time_to_claim,
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

Metrics = Mapping[str, Estimate | float]

BENCHMARKS: dict[str, Callable[[int], Metrics]] = {
    "frames": simulation.frames,
    "interactions": simulation.interactions,
    "torch_frames": torch_simulator.frames,
    "torch_interactions": torch_simulator.interactions,
    "convergence": convergence.study,
    "workers": generation.workers,
    "reading": reading.batches,
    "codecs": reading.codecs,
    "on_disk": on_disk.on_disk,
    "pretraining": training.pretraining,
    "arithmetic": training.arithmetic,
    "environment": environment.vector,
    "decisions": decisions.decisions,
    "simulation_share": decisions.simulation_share,
    "panda": arm.panda,
    "soak": generation.soak,
    "time_to_claim": time_to_claim.study,
}
LONG = frozenset({"time_to_claim"})  # they run only if --only names them

_DURATION = "about 10 minutes on an idle machine with 2 cores"


@dataclass(frozen=True)
class Config:
    """Benchmarks to run, number of rounds, and output file."""

    only: Annotated[tuple[str, ...], Option(tuple(BENCHMARKS))] = ()
    """Names of the benchmarks to run; if empty, all except time_to_claim (half an hour)."""
    rounds: Annotated[int, at_least(2)] = 7
    """Timed rounds of each benchmark; intervals are over rounds."""
    json: Path | None = None
    """JSON file to write the metrics to; the metrics are printed in any case."""
    overwrite: bool = False
    """Replace an existing file at --json."""

    def __post_init__(self) -> None:
        check_limits(self)


@process_defaults()
def run(config: Config) -> Metrics:
    """Runs the benchmarks, prints a table and writes the JSON result; returns the metrics.

    Raises:
        ConfigError: if a benchmark is unknown.
        KeyboardInterrupt: on Ctrl-C; its message lists the benchmarks whose metrics are kept.
    """
    for name in config.only:
        if name not in BENCHMARKS:
            raise unknown_name("benchmark", name, BENCHMARKS)
    if config.json is not None:
        refuse_overwrite(config.json, config.overwrite)
        check_writable(config.json)
    names = config.only or tuple(name for name in BENCHMARKS if name not in LONG)
    print_note(
        f"{len(names)} of {len(BENCHMARKS)} benchmarks; without --only they take {_DURATION}"
    )
    metrics: dict[str, Estimate | float] = {}
    finished: list[str] = []
    try:
        for name in track(names, "bench", "benchmarks"):
            metrics |= BENCHMARKS[name](config.rounds)
            finished.append(name)
    except KeyboardInterrupt:
        if metrics:
            _finish(config, metrics, finished)
        kept = f"those of {', '.join(finished)} are kept" if metrics else "there are no metrics yet"
        raise KeyboardInterrupt(f"interrupted: {kept}") from None
    _finish(config, metrics, finished)
    return metrics


def _finish(config: Config, metrics: dict[str, Estimate | float], finished: list[str]) -> None:
    """Prints and writes the metrics of the finished benchmarks."""
    _print(metrics, config.rounds)
    if config.json is not None:
        write_result(config.json, "bench", config, metrics, finished=finished)
        print_line(f"result in {config.json}")


def _print(metrics: Metrics, rounds: int) -> None:
    table = Table("figure", "mean", "95 % interval", title=f"This machine, {rounds} rounds each")
    for name, found in metrics.items():
        if isinstance(found, Estimate):
            low, high = found.ci95
            table.add_row(name, f"{found.mean:,.3g}", f"{low:,.3g} to {high:,.3g}")
        else:
            table.add_row(name, f"{found:,.3g}", "")
    PlainConsole().print(table)
