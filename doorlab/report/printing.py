"""Output of finished commands: the main result and its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from doorlab.errors import ResultError
from doorlab.report.tables.attributes import attribute_table
from doorlab.report.tables.diagnosis import diagnosis_table
from doorlab.report.tables.policies import in_words, regret_table
from doorlab.report.tables.probes import component_table, probe_table
from doorlab.results import read_result
from doorlab.run_layout import DIAGNOSIS_FILE, METRICS_FILE, PROBES_FILE, REGRET_FILE
from doorlab.terminal.console import PlainConsole
from doorlab.terminal.text import print_line

# Metrics on validation doors to print for a run, if it has them.
_METRICS = {
    "validation_reconstruction_mse": "squared error of reconstructions",
    "validation_reward_mse_after_0": "squared error of rewards before any interaction",
    "validation_reward_mse_after_10": "after 10 interactions",
}


def show_training(folder: Path) -> None:
    """Prints the metrics of a run of `doorlab pretrain` or `train`, if the run is finished."""
    try:
        metrics = read_result(folder / METRICS_FILE)
    except ResultError:
        return  # the run was stopped, and a message about that was printed
    parts = _validation_words(metrics.get("metrics", {}))
    about = f"{metrics.get('model', 'model')}: {', '.join(parts)}; " if parts else ""
    print_line(f"{about}run in {folder}")


def show_dataset(folder: Path) -> None:
    """Prints the folder of the dataset of `doorlab generate` or `import`."""
    print_line(f"dataset in {folder}")


def show_export(folder: Path) -> None:
    """Prints the folder of an export of `doorlab export`."""
    print_line(f"export in {folder}")


def show_result(path: Path) -> None:
    """Prints the tables of a result of `doorlab bandit`, `diagnose` or `probe`."""
    console = PlainConsole()
    for table in _TABLES[path.name]:
        shown = table(path)
        if shown is not None:
            console.print(shown)
    print_line(f"result in {path}")


_TABLES: dict[str, tuple[Callable[[Path], Table | None], ...]] = {
    REGRET_FILE: (regret_table,),
    PROBES_FILE: (probe_table, component_table),
    DIAGNOSIS_FILE: (diagnosis_table, attribute_table),
}


def _validation_words(metrics: Mapping[str, Any]) -> list[str]:
    estimates = {words: metrics[name] for name, words in _METRICS.items() if metrics.get(name)}
    parts = [f"{words} {in_words(estimate, 4)}" for words, estimate in estimates.items()]
    if parts:
        parts[-1] += f" on {next(iter(estimates.values()))['n']} validation doors"
    return parts
