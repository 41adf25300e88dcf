"""Calibration on the wheel bandit: `python -m doorlab.benchmarks.wheel --out results/wheel.json`.

Runs neural-linear, with the regressions of the door policies (`doorlab.bandit.linear`), on the
problem for which its authors published results. Every problem has its own contexts and noise.
Regret is in percent of the regret of uniform choice on the same contexts: over all steps, and over
the last 500 (the paper's simple regret).

The default (the paper's 50 problems, 2,000 steps) takes less than half an hour on one core. In a
long run the first steps weigh less: results for different numbers of steps cannot be compared. With
2,000 steps, the ten initial pulls of every problem alone cost 0.5 %, and delta 0.5 costs about 6 %;
with 80,000 (`--steps 80000 --problems 2`, twelve minutes per problem) it costs 0.8 %.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from rich.table import Table

from doorlab.bandit.wheel.neural_linear import NeuralLinearArmsConfig, run_neural_linear
from doorlab.bandit.wheel.problem import ARMS, NOISE, mean_rewards, regrets, sample_contexts
from doorlab.errors import DoorlabError
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.limits import PositiveInt, Seed, Share, Threads, check_limits
from doorlab.results import write_result
from doorlab.runtime.devices import set_num_threads
from doorlab.runtime.torch_state import process_defaults
from doorlab.seeding import stream
from doorlab.storage.files import check_writable, refuse_overwrite
from doorlab.terminal.console import PlainConsole
from doorlab.terminal.progress import track
from doorlab.terminal.text import print_note

# Riquelme et al. 2018, table of section 5.4: cumulative regret of NeuralLinear, % of uniform.
PUBLISHED = {0.5: 0.95, 0.7: 1.60, 0.9: 4.65, 0.95: 9.56, 0.99: 49.63}
LAST = 500  # number of steps of the simple regret


@dataclass(frozen=True)
class Config:
    """Number and length of the problems."""

    deltas: tuple[Share, ...] = tuple(PUBLISHED)
    """Inner radii of the rim."""
    problems: PositiveInt = 50
    """Problems per delta; the default is that of the paper."""
    steps: PositiveInt = 2000
    """Contexts per problem."""
    agent: NeuralLinearArmsConfig = field(default_factory=NeuralLinearArmsConfig)
    """Settings of the algorithm."""
    seed: Seed = 0
    """Seed of problems and algorithm."""
    threads: Threads = 1
    """Number of torch threads."""
    out: Path | None = None
    """File for the result, which is also printed."""
    overwrite: bool = False
    """Replace an existing file."""

    def __post_init__(self) -> None:
        check_limits(self)


@process_defaults()
def run(config: Config) -> dict[str, dict[str, Estimate]]:
    """Runs all problems, prints a table and writes the result; returns estimates by delta.

    Raises:
        ResultError: if the result file already exists or cannot be written.
    """
    if config.out is not None:
        refuse_overwrite(config.out, config.overwrite)
        check_writable(config.out)
    set_num_threads(config.threads)
    metrics = {}
    for delta in track(config.deltas, "wheel", "deltas"):
        share = relative_regret(delta, config)
        metrics[f"{delta:g}"] = {
            "regret_percent": bootstrap_mean(100 * _ratio(*share), seed=config.seed),
            "last_regret_percent": bootstrap_mean(
                100 * _ratio(*(part[:, -LAST:] for part in share)), seed=config.seed
            ),
        }
    _print(metrics, config)
    if config.out is not None:
        published = {f"{delta:g}": percent for delta, percent in PUBLISHED.items()}
        write_result(config.out, "wheel", config, metrics, published_percent=published)
    return metrics


def relative_regret(
    delta: float, config: Config
) -> tuple[Float64[np.ndarray, "P T"], Float64[np.ndarray, "P T"]]:
    """Expected regret of the algorithm's choices at every step, and of uniform choices."""
    problems = np.arange(config.problems)
    contexts = np.stack(
        [sample_contexts(config.steps, stream(config.seed, "wheel", int(p))) for p in problems]
    )
    means = mean_rewards(contexts, delta)
    rng = stream(config.seed, "wheel", f"{delta:g}")
    noise = NOISE * rng.standard_normal((config.problems, config.steps))

    def pull(step: int, arms: np.ndarray) -> np.ndarray:
        return means[problems, step, arms] + noise[:, step]

    chosen = run_neural_linear(contexts, pull, ARMS, rng, config.agent)
    all_regrets = regrets(means)
    of_chosen = np.take_along_axis(all_regrets, chosen[..., None], axis=-1)[..., 0]
    return of_chosen, all_regrets.mean(axis=-1)


def _ratio(
    mine: Float64[np.ndarray, "P T"], uniform: Float64[np.ndarray, "P T"]
) -> Float64[np.ndarray, " P"]:
    # One denominator for all problems: a mean of ratios would overweight those with few rim points.
    return mine.sum(axis=1) / uniform.sum(axis=1).mean()


def _print(metrics: dict[str, dict[str, Estimate]], config: Config) -> None:
    title = f"Wheel bandit, {config.problems} problems of {config.steps:,} steps; % of uniform"
    table = Table("delta", "regret", f"last {LAST} steps", "published", title=title)
    for delta, found in metrics.items():
        cells = [
            f"{e.mean:.2f} ({e.ci95[0]:.2f} to {e.ci95[1]:.2f})"
            for e in (found["regret_percent"], found["last_regret_percent"])
        ]
        known: Any = PUBLISHED.get(float(delta))
        table.add_row(delta, *cells, "" if known is None else f"{known:.2f}")
    PlainConsole().print(table)


def main() -> int:
    """Runs the command line; errors for users are printed as one line."""
    import tyro

    try:
        run(tyro.cli(Config, prog="python -m doorlab.benchmarks.wheel", description=__doc__))
    except DoorlabError as error:
        print_note(f"error: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
