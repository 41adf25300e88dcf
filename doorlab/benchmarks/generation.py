"""Generation of datasets: speedup by a second worker process, and growth of memory."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from doorlab.data.sources.simulation import GenerationConfig, make_shard
from doorlab.data.writer import PartWriter
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.parallel.launchers import run_local
from doorlab.sim import make_simulator
from doorlab.terminal.progress import progress_bar

_SHARDS, _SHARD_DOORS = 24, 16
_SOAK_DOORS, _SOAK_SHARD = 20_000, 100
_SETTLED = 2_000  # doors after which caches are full


def workers(rounds: int) -> dict[str, Estimate]:
    """Doors per second of two worker processes, against one, without their startup time."""
    rates = np.array([[_generation_rate(2), _generation_rate(1)] for _ in range(rounds)])
    return {
        "doors_per_s_1_worker": bootstrap_mean(rates[:, 1]),
        "workers_2_vs_1": bootstrap_mean(rates[:, 0] / rates[:, 1]),
    }


def _generation_rate(count: int) -> float:
    config = GenerationConfig(
        doors=_SHARDS * _SHARD_DOORS, shard_doors=_SHARD_DOORS, videos=0, prior="default",
        simulator="pybullet",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        work = PartWriter(Path(folder), config, make_simulator)
        parts = [f"shards/{name}" for name in config.shards()]
        times = []
        # The first results of each process include its startup, which is not measured.
        for _ in run_local(work, parts, count):
            times.append(time.perf_counter())
        work.close()
    warm = 2 * count
    return (len(times) - warm) * _SHARD_DOORS / (times[-1] - times[warm - 1])


def soak(rounds: int) -> dict[str, Estimate]:
    """Relative growth of memory from door 2,000 to door 20,000; a single round."""
    config = GenerationConfig(
        doors=_SOAK_DOORS,
        frames=2,
        interactions=4,
        image_size=32,
        shard_doors=_SOAK_SHARD,
        prior="wild",
        videos=0,
    )
    simulator, sizes = make_simulator("pybullet"), {}
    with progress_bar("soak", "doors simulated", config.doors) as advance:
        for first, last in config.shards().values():
            make_shard(config, first, last, simulator)
            sizes[last] = _resident_bytes()
            advance(last - first)
    simulator.close()
    settled, end = sizes[_SETTLED], sizes[config.doors]
    return {
        "soak_megabytes": _single(end / 1e6),
        "soak_growth": _single(end / settled - 1.0),
    }


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _single(value: float) -> Estimate:
    return bootstrap_mean(np.array([value]))
