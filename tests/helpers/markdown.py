"""The pages of the documentation, and their numbers against the files in results/."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


# Reading Markdown


@dataclass(frozen=True)
class Table:
    """A table of a Markdown file: its header, and its rows."""

    head: list[str]
    rows: list[list[str]]


def text_of(file: str) -> str:
    return (ROOT / file).read_text()


def tables(file: str) -> list[Table]:
    found: list[list[list[str]]] = [[]]
    for line in text_of(file).splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [Table(head, rows) for head, _, *rows in filter(None, found)]


def table(file: str, *, head: str, number: int = 0) -> Table:
    """The table of a file whose header begins so; of several, the one of that number."""
    return [t for t in tables(file) if " | ".join(t.head).startswith(head)][number]


def blocks(file: str, language: str) -> list[str]:
    return [code for kind, code in BLOCK.findall(text_of(file)) if kind == language]


def prose(file: str) -> str:
    """The text without blocks of code, on one line."""
    return " ".join(BLOCK.sub("", text_of(file)).split())


def inline_code(file: str) -> list[str]:
    return re.findall(r"`([^`]+)`", prose(file))


# Comparing numbers


def result(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "results" / name).read_text())


def metrics(name: str) -> dict[str, Any]:
    document = result(name)
    return document["metrics"]


def assert_printed(text: str, *values: float) -> None:
    """The numbers in a text are the values, rounded to as many digits as are printed."""
    printed = NUMBER.findall(text)
    assert len(printed) == len(values), f"{text!r} has not {len(values)} numbers"
    for number, value in zip(printed, values, strict=True):
        whole, _, decimals = number.replace(",", "").partition(".")
        zeros = 0 if decimals else len(whole) - len(whole.rstrip("0"))
        unit = 10.0 ** (-len(decimals) if decimals else zeros if int(whole) else 0)
        rounded = float(number.replace(",", ""))
        assert abs(rounded - value) <= 0.5 * unit * (1 + 1e-9), f"{text!r} is printed for {value}"


def assert_stated(file: str, sentence: str, *values: float) -> None:
    """The prose contains the sentence, and its numbers are the values."""
    assert sentence in prose(file), f"{file} does not say {sentence!r}"
    assert_printed(sentence, *values)


def interval(estimate: dict[str, Any]) -> Iterator[float]:
    """As it is printed: 0.118 (0.101 to 0.135), or 0.887 [0.862, 0.911]."""
    yield from (estimate["mean"], *estimate["ci95"])


def distance(estimate: dict[str, Any]) -> tuple[float, float, float]:
    """A negative difference as it is printed: 0.04 (0.01 to 0.08)."""
    low, high = estimate["ci95"]
    return -estimate["mean"], -high, -low
