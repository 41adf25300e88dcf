"""Draws the pictures in docs/ that show results, from the files in results/.

Every picture notes under "Source" in its metadata which files it was drawn from, with their
checksums: a test compares them, so that a picture can't stay behind when results are measured anew.
docs/gallery.png shows doors, no results: it comes from `doorlab plot gallery`.
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
    """Regret on each try of the demo, and summed."""
    curves = (
        {
            name: Curve.through(range(1, len(policy[key]) + 1), policy[key], policy[f"{key}_ci95"])
            for name, policy in found["policies"].items()
        }
        for key in ("regret_per_interaction", "cumulative_regret")
    )
    return regret(*curves)


def representation(found: Result) -> Figure:
    """What probes read, by the number of labelled doors."""
    return probes_along(found["priors"]["narrow"], "doors")


# Name of the picture -> the result files that it is drawn from, and the function that draws it.
PICTURES: dict[str, tuple[tuple[str, ...], Callable[..., Figure]]] = {
    "regret.png": (("demo_regret.json",), demo_regret),
    "representation.png": (("representation.json",), representation),
    "labels.png": (("reward.json", "bandit.json"), studies.labels),
}


def source(files: tuple[str, ...]) -> str:
    """Which files, with their checksums: results/a.json blake2b:0123..., results/b.json ..."""
    paths = [ROOT / "results" / name for name in files]
    return ", ".join(f"results/{path.name} {checksum(path.read_bytes())}" for path in paths)


def main() -> None:
    """Draws all of them."""
    for name, (files, draw) in PICTURES.items():
        figure = draw(*(read_result(ROOT / "results" / file) for file in files))
        save_png(figure, ROOT / "docs" / name, source(files))


if __name__ == "__main__":
    main()
