"""Speed of bandit decisions: the gain from batching doors, and the share of simulation time.

`decisions_vs_loop` compares decisions per second (embedding, action search, update) of a policy on
a batch of 256 doors with the same policy and settings on one door at a time, both on one core.
`decisions_vs_bare` compares the batch with the matrix products and activations of its search alone,
of the same sizes: `bare_decisions_vs_loop` is therefore an upper limit of `decisions_vs_loop`.

`simulation_share` is the fraction of time that the simulator takes, including rendering, when two
processes evaluate a model's greedy policy. `interaction_share` is the fraction that interactions
take of the time without rendering.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import torch

from doorlab.bandit import History, Policy, run_policy
from doorlab.bandit.acquisition import SearchConfig
from doorlab.bandit.policies import GPUCBPolicy, ModelPolicy
from doorlab.benchmarks.environment import ENVIRONMENT
from doorlab.benchmarks.timing import Work, paired_rates
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.models.architecture import Architecture
from doorlab.models.registry import build_model
from doorlab.nn.actions import ACTION_FEATURES
from doorlab.parallel.launchers import run_local

_DOORS, _ALONE, _HORIZON, _SIZE, _FRAMES = 256, 4, 10, 64, 8
_CHUNK = 1024  # rows of a matrix product of `_bare_search`
_EVALUATED = 250  # doors per process of `simulation_share`


def decisions(rounds: int) -> dict[str, Estimate]:
    """Decision speed of a neural process with images, and of Gaussian processes without."""
    torch.set_num_threads(1)
    model = _model()
    batch, loop = _batch_and_loop(lambda: ModelPolicy(model))
    bare = partial(_bare_search, model)
    speed, alone, ratio = paired_rates(batch, loop, rounds)
    gp_speed, gp_alone, gp_ratio = paired_rates(*_batch_and_loop(GPUCBPolicy), rounds)
    return {
        "decisions_per_s": speed,
        "loop_decisions_per_s": alone,
        "decisions_vs_loop": ratio,
        "decisions_vs_bare": paired_rates(batch, bare, rounds)[2],
        "bare_decisions_vs_loop": paired_rates(bare, loop, rounds)[2],
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


def _batch_and_loop(make: Callable[[], Policy]) -> tuple[Work, Work]:
    """The decisions of a policy on a batch of doors, and on one door at a time."""
    rng = np.random.default_rng(0)
    frames = rng.integers(256, size=(_DOORS, _FRAMES, _SIZE, _SIZE, 3), dtype=np.uint8)
    rewards = rng.random((_HORIZON, _DOORS)).astype(np.float32)

    def together() -> int:
        return _decide(make(), frames, rewards)

    def one_by_one() -> int:
        doors = range(_ALONE)
        return sum(_decide(make(), frames[i : i + 1], rewards[:, i : i + 1]) for i in doors)

    return together, one_by_one


def _bare_search(model: Any) -> int:
    """Products and activations of the action search of `_batch_and_loop`'s batch, nothing else.

    Without the embedding, the encoding of interactions, the Gaussian process on residuals, and the
    optimizer. The candidates that all doors share are encoded once, as in the policy.
    """
    search, decoder = SearchConfig(), model.process.decoder
    samples, hidden = len(model.process.noise), decoder.action[0].out_features
    doors = _CHUNK // samples  # rows of a product that fit into a core's cache
    chunks = _HORIZON * _DOORS // doors
    actions, features = torch.randn(doors, ACTION_FEATURES), torch.randn(_CHUNK, hidden)

    def gradient(network: Any, inputs: torch.Tensor) -> None:
        x = inputs.requires_grad_()
        torch.autograd.grad(network(x)[:, 0].sum(), x)

    for _ in range(chunks):
        with torch.no_grad():
            for _ in range(search.candidates + search.starts):  # starts: values after the search
                decoder.output(features)
            for _ in range(search.starts):
                decoder.action(actions)
        for _ in range(search.starts * search.steps):
            gradient(decoder.action, actions)
            gradient(decoder.output, features)
    return _HORIZON * _DOORS


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
