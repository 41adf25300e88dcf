"""Draws the figures in docs/ from the result files in results/.

The metadata entry "Source" of a figure lists its result files with their checksums. A test compares
the checksums with results/, so a figure that is older than its results fails the test.
`doorlab plot gallery` draws docs/gallery.png, which shows doors and no results.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from doorlab.plots import studies
from doorlab.plots.figures.curves import Curve, regret
from doorlab.plots.studies import probes_along
from doorlab.plots.style import save_png
from doorlab.results import read_result
from doorlab.storage.files import checksum

ROOT = Path(__file__).resolve().parents[1]
Result = dict[str, Any]


def demo_regret(found: Result) -> Figure:
    """Regret per interaction of the demo, and cumulative regret."""
    curves = (
        {
            name: Curve.through(range(1, len(policy[key]) + 1), policy[key], policy[f"{key}_ci95"])
            for name, policy in found["policies"].items()
        }
        for key in ("regret_per_interaction", "cumulative_regret")
    )
    return regret(*curves)


def representation(found: Result) -> Figure:
    """Probe scores by the number of labeled doors."""
    return probes_along(found["priors"]["narrow"], "doors")


# Name of the figure -> names of its result files, and the function that draws it.
FIGURES: dict[str, tuple[tuple[str, ...], Callable[..., Figure]]] = {
    "regret.png": (("demo_regret.json",), demo_regret),
    "representation.png": (("representation.json",), representation),
    "labels.png": (("reward.json", "bandit.json"), studies.labels),
}


def source(files: tuple[str, ...]) -> str:
    """Names and checksums of files: results/a.json blake2b:0123..., results/b.json ..."""
    paths = [ROOT / "results" / name for name in files]
    return ", ".join(f"results/{path.name} {checksum(path.read_bytes())}" for path in paths)


def main() -> None:
    """Draws all figures."""
    for name, (files, draw) in FIGURES.items():
        figure = draw(*(read_result(ROOT / "results" / file) for file in files))
        save_png(figure, ROOT / "docs" / name, source(files))


if __name__ == "__main__":
    main()
