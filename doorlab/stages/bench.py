"""Measure what this machine does: frames, interactions, datasets made and read, environments.

Speeds are in items per second; ratios (`..._vs_...`) compare two ways of doing the same work,
timed in turn within one run, so that they hold on busy machines too. All of it takes about ten
minutes; --only chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.table import Table

from doorlab.benchmarks import (
    arm,
    batched,
    convergence,
    decisions,
    environment,
    generation,
    reading,
    simulation,
    training,
)
from doorlab.console import PlainConsole
from doorlab.errors import unknown_name
from doorlab.files import refuse_overwrite
from doorlab.intervals import Estimate
from doorlab.limits import at_least, check_limits
from doorlab.progress import track
from doorlab.results import write_result
from doorlab.torch_state import process_defaults

BENCHMARKS: dict[str, Callable[[int], dict[str, Estimate]]] = {
    "frames": simulation.frames,
    "interactions": simulation.interactions,
    "torch_frames": batched.frames,
    "torch_interactions": batched.interactions,
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


@dataclass(frozen=True)
class Config:
    """What to measure, how often, and where to write it."""

    only: tuple[str, ...] = ()
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
    figures: dict[str, Estimate] = {}
    for name in track(config.only or tuple(BENCHMARKS), "benchmarks"):
        figures |= BENCHMARKS[name](config.rounds)
    _print(figures)
    if config.json is not None:
        write_result(config.json, "bench", config, figures)
    return figures


def _print(figures: dict[str, Estimate]) -> None:
    table = Table("figure", "mean", "95 % interval", title="This machine")
    for name, estimate in figures.items():
        low, high = estimate.ci95
        table.add_row(name, f"{estimate.mean:,.3g}", f"{low:,.3g} to {high:,.3g}")
    PlainConsole().print(table)
