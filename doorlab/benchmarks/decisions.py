"""Speed of bandit decisions: the gain from batching doors, and the share of simulation time.

`decisions_vs_loop` compares decisions per second (embedding, action search, update) of a policy on
a batch of 256 doors with the same policy and settings on one door at a time. `simulation_share` is
the fraction of time that the simulator takes, including rendering, when two processes evaluate a
model's greedy policy. `interaction_share` is the fraction that interactions take of the time
without rendering.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch

from doorlab.bandit import History, Policy, run_policy
from doorlab.bandit.policies import GPUCBPolicy, ModelPolicy
from doorlab.benchmarks.environment import ENVIRONMENT
from doorlab.benchmarks.timing import paired_rates
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.models.architecture import Architecture
from doorlab.models.registry import build_model
from doorlab.parallel.launchers import run_local

_DOORS, _ALONE, _HORIZON, _SIZE, _FRAMES = 256, 4, 10, 64, 8
_EVALUATED = 250  # doors per process of `simulation_share`


def decisions(rounds: int) -> dict[str, Estimate]:
    """Decision speed of a neural process with images, and of Gaussian processes without."""
    torch.set_num_threads(1)
    model = _model()
    speed, alone, ratio = _against_loop(lambda: ModelPolicy(model), rounds)
    gp_speed, gp_alone, gp_ratio = _against_loop(GPUCBPolicy, rounds)
    return {
        "decisions_per_s": speed,
        "loop_decisions_per_s": alone,
        "decisions_vs_loop": ratio,
        "gp_decisions_per_s": gp_speed,
        "gp_loop_decisions_per_s": gp_alone,
        "gp_decisions_vs_loop": gp_ratio,
    }


def simulation_share(rounds: int) -> dict[str, Estimate]:
    """The simulator's share of the time of an evaluation, with and without rendering."""
    evaluations = [list(run_local(_open_doors, ["0", "1"], 2)) for _ in range(rounds)]
    reset, interact, whole = np.array(evaluations).sum(axis=1).T
    return {
        "simulation_share": bootstrap_mean((reset + interact) / whole),
        "interaction_share": bootstrap_mean(interact / (whole - reset)),
    }


def _model() -> Any:
    """A model of the usual size; its untrained weights do not affect the speed."""
    torch.manual_seed(0)
    return build_model("ssnp", _SIZE, Architecture()).eval()


def _against_loop(make: Callable[[], Policy], rounds: int) -> tuple[Estimate, Estimate, Estimate]:
    rng = np.random.default_rng(0)
    frames = rng.integers(256, size=(_DOORS, _FRAMES, _SIZE, _SIZE, 3), dtype=np.uint8)
    rewards = rng.random((_HORIZON, _DOORS)).astype(np.float32)

    def together() -> int:
        return _decide(make(), frames, rewards)

    def one_by_one() -> int:
        doors = range(_ALONE)
        return sum(_decide(make(), frames[i : i + 1], rewards[:, i : i + 1]) for i in doors)

    return paired_rates(together, one_by_one, rounds)


def _decide(policy: Policy, frames: np.ndarray, rewards: np.ndarray) -> int:
    """Makes one decision per door and row of rewards; returns the number of decisions."""
    policy.begin(frames, np.random.default_rng(0))
    history = History.empty(len(frames))
    for obtained in rewards:
        history = history.extended(policy.act(history), obtained)
    return rewards.size


class _Timed:
    """A vector environment that measures the times of resets (rendering) and of steps."""

    def __init__(self, env: Any) -> None:
        self._env, self.num_envs, self.reset_s, self.interact_s = env, env.num_envs, 0.0, 0.0

    def reset(self, **options: Any) -> Any:
        before = time.perf_counter()
        found = self._env.reset(**options)
        self.reset_s += time.perf_counter() - before
        return found

    def step(self, actions: np.ndarray) -> Any:
        before = time.perf_counter()
        found = self._env.step(actions)
        self.interact_s += time.perf_counter() - before
        return found


def _open_doors(item: str) -> tuple[float, float, float]:
    """Evaluates a policy; returns seconds of rendering, of interactions, and in total."""
    torch.set_num_threads(1)
    env = gymnasium.make_vec(
        ENVIRONMENT,
        num_envs=_EVALUATED,
        vectorization_mode="vector_entry_point",
        frames=_FRAMES,
        image_size=_SIZE,
        horizon=_HORIZON,
        simulator="pybullet",
    )
    timed: Any = _Timed(env)
    policy = ModelPolicy(_model())
    before = time.perf_counter()
    run_policy(timed, policy, _HORIZON, seed=int(item))
    whole = time.perf_counter() - before
    env.close()
    return timed.reset_s, timed.interact_s, whole
