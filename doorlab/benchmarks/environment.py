"""The Gymnasium environment: two in an asynchronous vector environment, against two processes."""

from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Barrier

import gymnasium
import numpy as np

from doorlab.benchmarks.timing import paired_rates
from doorlab.intervals import Estimate

ENVIRONMENT = "doorlab_envs:doorlab/DoorBandit-v0"

_EPISODES, _HORIZON = 6, 10


def vector(rounds: int) -> dict[str, Estimate]:
    """Steps per second with random actions, including resets."""
    envs = gymnasium.make_vec(
        ENVIRONMENT,
        num_envs=2,
        vectorization_mode="async",
        vector_kwargs={"context": "spawn"},
        horizon=_HORIZON,
        simulator="pybullet",
    )
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    steps = _EPISODES * (_HORIZON + 1)  # the reset of an episode is a separate step

    def ours() -> int:
        for _ in range(steps):
            envs.step(rng.uniform(-1, 1, (2, 4)).astype(np.float32))
        return 2 * steps

    context = multiprocessing.get_context("spawn")
    start, end = context.Barrier(3), context.Barrier(3)
    processes = [
        context.Process(target=_bare_process, args=(start, end, seed), daemon=True)
        for seed in range(2)
    ]
    for process in processes:
        process.start()

    def bare() -> int:
        start.wait()
        end.wait()
        return 2 * steps

    speed, limit, ratio = paired_rates(ours, bare, rounds)
    for process in processes:
        process.terminate()
    envs.close()
    return {"env_steps_per_s": speed, "bare_env_steps_per_s": limit, "vector_env_vs_bare": ratio}


def _bare_process(start: Barrier, end: Barrier, seed: int) -> None:
    """Does the work of one environment of the vector, each time the barrier opens."""
    env = gymnasium.make(ENVIRONMENT, horizon=_HORIZON, simulator="pybullet")
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    while True:
        start.wait()
        for _ in range(_EPISODES):
            for _ in range(_HORIZON):
                env.step(rng.uniform(-1, 1, 4).astype(np.float32))
            env.reset()
        end.wait()
