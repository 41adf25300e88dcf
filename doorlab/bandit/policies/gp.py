"""Gaussian-process bandits without vision: every door is learned by touch alone.

GP-UCB (Srinivas et al. 2010, "Gaussian process optimization in the bandit setting", algorithm 1)
chooses the action of the largest mean + sqrt(beta) * standard deviation; GP-Thompson draws one
function per door from the posterior and takes the best action on it.

Legend: D doors, N actions, t interactions so far.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from doorlab.bandit.action_search import Score, optimize_acquisition
from doorlab.bandit.checkpoint import Stateful
from doorlab.bandit.gaussian_process import GPConfig, GPPosterior, fit_gp, make_gp
from doorlab.bandit.policy import History
from doorlab.doors import ACTION_DIM
from doorlab.runtime.torch_state import thread_defaults


class GPPolicy(Stateful):
    """What policies with processes share: when these are fitted, and how the best is looked for."""

    state_fields = ("_rng", "_hyperparameters", "_next_fit")

    def __init__(self, config: GPConfig | None = None) -> None:
        self._config = config or GPConfig()

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Does not look."""
        self._rng = rng
        self._hyperparameters: dict[str, Tensor] = {}
        self._next_fit = float(self._config.first_fit)

    @thread_defaults()
    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The best action in the sense of the policy; at random where nothing is known."""
        doors = len(history.rewards)
        if history.tries == 0:
            return self._rng.uniform(-1.0, 1.0, (doors, ACTION_DIM)).astype(np.float32)
        score = self.score(self.posterior(history))
        seed = int(self._rng.integers(2**31))
        best = optimize_acquisition(score, doors, seed, self._config.search, torch.float64)
        return best.numpy().astype(np.float32)

    @thread_defaults()
    def posterior(self, history: History) -> GPPosterior:
        """The processes after `history`; fits their hyperparameters when it is time to."""
        model = make_gp(history, self._config)
        if self._hyperparameters:
            model.load_state_dict(self._hyperparameters)
        if history.tries >= self._next_fit:
            fit_gp(model, self._config.fit_steps)
            self._next_fit = history.tries * self._config.fit_growth
            self._hyperparameters = {k: v.clone() for k, v in model.state_dict().items()}
        return GPPosterior(model)

    @abstractmethod
    def score(self, posterior: GPPosterior) -> Score:
        """What the action is to be best in."""


class GPUCBPolicy(GPPolicy):
    """Opens doors by touch alone, optimistically."""

    def score(self, posterior: GPPosterior) -> Score:
        """The upper confidence bound."""

        def bound(at: Tensor) -> Tensor:
            mean, std = posterior.moments(at)
            return mean + self._config.beta**0.5 * std

        return bound


class GPThompsonPolicy(GPPolicy):
    """Opens doors by touch alone, one plausible reward function at a time."""

    def score(self, posterior: GPPosterior) -> Score:
        """A function drawn from the posterior, another one at every try."""
        return posterior.sample(self._rng)
