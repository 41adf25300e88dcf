"""Writes the tables of speeds in docs/ from the result files in results/.

A table stands between two comments, which name it; the script replaces the lines between them:

    <!-- table speeds: written by scripts/make_tables.py -->
    <!-- end of table -->

A test compares the tables with results/, so a table that is older than its results fails the test.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doorlab.results import read_result
from doorlab.storage.files import atomic_write_text

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(<!-- table (\w+):[^\n]*-->\n)(.*?)(<!-- end of table -->)", re.DOTALL)

Metrics = dict[str, Any]

# Text -> name in results/bench.json. A metric that the file does not have yet has no row.
SPEEDS = {
    "frames/s, one process": "frames_per_s",
    "against bare `resetJointState` + `getCameraImage`": "frames_vs_bare",
    "interactions/s, one process": "interactions_per_s",
    "against bare stepping": "interactions_vs_bare",
    "two workers against one": "workers_2_vs_1",
    "growth of memory over 20,000 doors": "soak_growth",
    "batches against memory-mapped raw arrays": "read_vs_memmap",
    "decoding the shards against the same": "decode_vs_memmap",
    "pretraining, images/s": "pretrain_images_per_s",
    "against bare forward, backward and step": "pretrain_vs_bare",
    "that bare step channels last, against itself": "channels_last_vs_plain",
    "the same in bfloat16": "bf16_vs_float32",
    "the same compiled": "compiled_vs_eager",
    "asynchronous vector environment against two bare processes": "vector_env_vs_bare",
    "frames/s of `torch`": "torch_frames_per_s",
    "against `pybullet`": "torch_frames_vs_pybullet",
    "interactions/s of `torch`": "torch_interactions_per_s",
    "against the interactions of `pybullet`": "torch_interactions_vs_pybullet",
    "frames/s of `torch` with shadows": "torch_shadow_frames_per_s",
    "decisions/s of a neural process with 256 doors at once": "decisions_per_s",
    "the same with one door at a time": "loop_decisions_per_s",
    "ratio": "decisions_vs_loop",
    "against the matrix products of the search alone": "decisions_vs_bare",
    "these products against one door at a time": "bare_decisions_vs_loop",
    "decisions/s of GP-UCB with 256 doors at once": "gp_decisions_per_s",
    "ratio to one door at a time": "gp_decisions_vs_loop",
    "fraction of a bandit evaluation in PyBullet": "simulation_share",
    "fraction in interactions, with stored frames": "interaction_share",
}
ARM = {
    "reward of the oracle's actions on pull doors of the prior `default`": "panda_oracle_pull",
    "the same on push doors, whose path leaves the reach of the arm": "panda_oracle_push",
    "the same on sliding doors": "panda_oracle_sliding",
    "fraction of 500 plausible actions with a reward within 0.1 of the hand's":
        "panda_within_0.1_of_hand",
    "interactions/s": "panda_interactions_per_s",
}  # fmt: skip
STEPS = 15, 20, 30, 60, 120  # per second; the third is the default


def printed(estimate: Metrics | float, digits: int = 3) -> str:
    """A mean with `digits` significant digits, and its interval with as many decimals."""
    if not isinstance(estimate, dict):
        return _rounded(estimate, estimate, digits)
    mean = estimate["mean"]
    values = [_rounded(value, mean, digits) for value in (mean, *estimate["ci95"])]
    return values[0] if estimate["n"] == 1 else f"{values[0]} [{values[1]}, {values[2]}]"


def _rounded(value: float, size: float, digits: int) -> str:
    """A number with the decimals that `digits` significant digits of `size` have."""
    decimals = digits - 1 - (math.floor(math.log10(abs(size))) if size else 0)
    return f"{round(value, decimals):,.{max(0, decimals)}f}"


def _by_name(found: Metrics, rows: dict[str, str]) -> list[list[str]]:
    """Text, name in the file, and value of the metrics that the file has."""
    return [
        [text, f"`{name}`", printed(found[name])] for text, name in rows.items() if name in found
    ]


def speeds(found: Metrics) -> list[list[str]]:
    """Throughput of one machine."""
    return [["measurement", "name in the file", "value"], *_by_name(found, SPEEDS)]


def arm(found: Metrics) -> list[list[str]]:
    """The robot arm."""
    head = ["measurement ([result file](../results/bench.json))", "name in the file", "value"]
    return [head, *_by_name(found, ARM)]


def time_steps(found: Metrics) -> list[list[str]]:
    """Errors of rewards by the length of a time step."""
    rows = [["steps per second", "mean error of the reward", "within 0.01"]]
    for hertz in STEPS:
        within = 100 * found[f"reward_within_0.01_{hertz}_hz"]["mean"]
        rows.append(
            [
                f"**{hertz}**" if hertz == STEPS[2] else str(hertz),
                printed(found[f"reward_error_{hertz}_hz"], 2),
                f"{within:.3g} %",
            ]
        )
    return rows


# Name of the table -> its page, its result file, and the function that makes its rows.
TABLES: dict[str, tuple[str, str, Callable[[Metrics], list[list[str]]]]] = {
    "speeds": ("performance.md", "bench.json", speeds),
    "arm": ("simulation.md", "bench.json", arm),
    "time_steps": ("simulation.md", "bench.json", time_steps),
}


def markdown(name: str) -> str:
    """The lines of a table, from its result file."""
    _, file, rows_of = TABLES[name]
    head, *rows = rows_of(read_result(ROOT / "results" / file)["metrics"])
    return "".join(f"| {' | '.join(row)} |\n" for row in [head]) + "".join(
        [f"|{'---|' * len(head)}\n", *(f"| {' | '.join(row)} |\n" for row in rows)]
    )


def updated(text: str) -> str:
    """A page with all its tables written again."""
    return BLOCK.sub(lambda found: found[1] + markdown(found[2]) + found[4], text)


def main() -> None:
    """Writes all tables."""
    for page in sorted({page for page, *_ in TABLES.values()}):
        path = ROOT / "docs" / page
        atomic_write_text(path, updated(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
