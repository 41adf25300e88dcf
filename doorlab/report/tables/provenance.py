"""Tables of the origin of results: stage, seed, date, code version and machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from doorlab.plots.style import style_of
from doorlab.report.page import DASH, Html, element, enumeration, table
from doorlab.report.run_files import RunFiles
from doorlab.run_layout import CLAIMS_FILE

# Key of the provenance in a result file -> head of its row.
_ENVIRONMENT = {
    "doorlab": "doorlab",
    "python": "Python",
    "numpy": "NumPy",
    "torch": "PyTorch",
    "pybullet": "PyBullet",
    "processor": "processor",
    "system": "system",
}
_COMMIT = 12  # characters of a commit hash to show


def provenance_tables(run: RunFiles) -> list[Html]:
    """HTML tables of the origin of every result, and of the environments."""
    found = _results(run)
    if not found:
        return []
    seconds = run.timing.get("seconds", {})
    rows = [_row(name, result, seconds.get(name, _own(result))) for name, result in found.items()]
    head = ["result", "seed", "date", "commit", "simulator", "dataset checksum", "seconds"]
    caption = "The same seed gives the same dataset, byte for byte."
    return [table(head, rows, caption), *_environment_table(found)]


def _results(run: RunFiles) -> dict[str, dict[str, Any]]:
    """Name of a result -> content; the name of a model's result contains the model's label."""
    models = {f"{style_of(m.name).label} ({m.stage})": m.metrics for m in run.models}
    found = {
        "generate": run.dataset,
        **models,
        "probe": run.probes,
        "diagnose": run.diagnosis,
        "bandit": run.regret,
        "plot": run.plots,
        "represent": run.represent,
        "study": run.study.get(CLAIMS_FILE, {}),
    }
    return {name: result for name, result in found.items() if result}


def _own(result: Mapping[str, Any]) -> float | int | None:
    """Seconds of a training run, from its own metrics."""
    return result.get("metrics", {}).get("seconds")


def _row(name: str, result: Mapping[str, Any], seconds: float | int | None) -> list[str]:
    origin = result.get("provenance", {})
    checksum = result.get("checksum") or result.get("dataset_checksum")
    commit = origin.get("commit")
    return [
        name,
        text_or_dash(result.get("seed", result.get("config", {}).get("seed"))),
        text_or_dash(_minute(origin.get("date"))),
        element("code", _short(commit)) if commit else DASH,
        text_or_dash(origin.get("simulator", result.get("config", {}).get("simulator"))),
        element("code", str(checksum).removeprefix("blake2b:")[:16]) if checksum else DASH,
        DASH if seconds is None else f"{seconds:,.0f}",
    ]


def _minute(date: str | None) -> str | None:
    """An ISO 8601 date, truncated to minutes."""
    return date and date[:16].replace("T", " ")


def _short(commit: str) -> str:
    head, plus, changes = commit.partition("+")
    return f"{head[:_COMMIT]}{plus}{changes}"


def _environment_table(found: Mapping[str, Mapping[str, Any]]) -> list[Html]:
    """HTML table with a column per environment; most runs have a single environment."""
    by_environment: dict[tuple[str, ...], list[str]] = {}
    for name, result in found.items():
        origin = result.get("provenance")
        if origin:
            key = tuple(text_or_dash(origin.get(key)) for key in _ENVIRONMENT)
            by_environment.setdefault(key, []).append(name)
    if not by_environment:
        return []
    several = len(by_environment) > 1
    heads = [enumeration(names) if several else "every result" for names in by_environment.values()]
    rows = [
        [words, *(environment[i] for environment in by_environment)]
        for i, words in enumerate(_ENVIRONMENT.values())
    ]
    return [table(["environment of", *heads], rows, wrap=True)]


def text_or_dash(value: Any) -> str:
    """A value as text; a dash for None."""
    return DASH if value is None else str(value)
