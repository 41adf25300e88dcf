"""Gaussian-process bandits without vision, which learn every door from its interactions alone.

GP-UCB (Srinivas et al. 2010, "Gaussian process optimization in the bandit setting", algorithm 1)
executes the action with the largest mean + sqrt(beta) * standard deviation. GP-Thompson samples one
function per door from the posterior and executes its best action.

Legend: D doors, N actions, t interactions so far.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from doorlab.bandit.acquisition import Score, optimize_acquisition
from doorlab.bandit.checkpoint import Stateful
from doorlab.bandit.gaussian_process import GPConfig, GPPosterior, fit_gp, make_gp
from doorlab.bandit.policy import History
from doorlab.doors import ACTION_DIM
from doorlab.runtime.torch_state import thread_defaults


class GPPolicy(Stateful):
    """Base of policies with Gaussian processes: fits hyperparameters and finds the best action."""

    state_fields = ("_rng", "_hyperparameters", "_next_fit")

    def __init__(self, config: GPConfig | None = None) -> None:
        self._config = config or GPConfig()

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Stores the random generator; the frames are ignored."""
        self._rng = rng
        self._hyperparameters: dict[str, Tensor] = {}
        self._next_fit = float(self._config.first_fit)

    @thread_defaults()
    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The action with the best acquisition value; random before the first interaction."""
        doors = len(history.rewards)
        if history.num_interactions == 0:
            return self._rng.uniform(-1.0, 1.0, (doors, ACTION_DIM)).astype(np.float32)
        score = self.score(self.posterior(history))
        seed = int(self._rng.integers(2**31))
        executed = torch.as_tensor(history.actions, dtype=torch.float64)
        best = optimize_acquisition(score, executed, seed, self._config.search)
        return best.numpy().astype(np.float32)

    @thread_defaults()
    def posterior(self, history: History) -> GPPosterior:
        """The posterior after `history`; refits hyperparameters on the schedule of the config."""
        model = make_gp(history, self._config)
        if self._hyperparameters:
            model.load_state_dict(self._hyperparameters)
        if history.num_interactions >= self._next_fit:
            fit_gp(model, self._config.fit_steps)
            self._next_fit = history.num_interactions * self._config.fit_growth
            self._hyperparameters = {k: v.clone() for k, v in model.state_dict().items()}
        return GPPosterior(model)

    @abstractmethod
    def score(self, posterior: GPPosterior) -> Score:
        """The acquisition function to maximize."""


class GPUCBPolicy(GPPolicy):
    """GP-UCB: executes the action with the largest upper confidence bound."""

    def score(self, posterior: GPPosterior) -> Score:
        """The upper confidence bound."""

        def bound(at: Tensor) -> Tensor:
            mean, std = posterior.moments(at)
            return mean + self._config.beta**0.5 * std

        return bound


class GPThompsonPolicy(GPPolicy):
    """GP-Thompson: executes the best action of a function sampled from the posterior."""

    def score(self, posterior: GPPosterior) -> Score:
        """A function sampled from the posterior, a new one at every step."""
        return posterior.sample(self._rng)
