"""Contextual prior prediction: a reward model is the prior mean of a Gaussian process per door.

Moses et al. 2020, "Visual prediction of priors for articulated object interaction": before the
first interaction the expected reward of an action is a supervised model's prediction from images.
The residuals of observed rewards are modeled by a Gaussian process, one per door. Here the
supervised model is any reward model with an empty context set. The policy executes the action with
the largest upper confidence bound.

Legend: D doors, M frames, N actions, t interactions so far.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from doorlab.bandit.acquisition import BanditModel, Score, optimize_acquisition
from doorlab.bandit.gaussian_process import GPConfig, GPPosterior
from doorlab.bandit.policies.embedding import embed, expect
from doorlab.bandit.policies.gp import GPPolicy
from doorlab.bandit.policy import History
from doorlab.runtime.torch_state import thread_defaults

# Residuals have zero mean, and about the same standard deviation as the rewards themselves.
RESIDUALS = GPConfig(beta=1.0, mean=0.0, scale=0.3, lengthscale=1.0)


class ContextualPriorPolicy(GPPolicy):
    """Uses a trained model as prior mean, and Gaussian processes for the residuals."""

    state_fields = (*GPPolicy.state_fields, "_embedding")

    def __init__(
        self, model: BanditModel, config: GPConfig = RESIDUALS, device: str = "cpu"
    ) -> None:
        super().__init__(config)
        self._model, self._device = model, device

    @thread_defaults()
    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Embeds the frames of every door."""
        super().begin(frames, rng)
        self._embedding = embed(self._model, frames, self._device)

    @thread_defaults()
    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The action with the largest upper confidence bound; at first by the prior mean."""
        seed = int(self._rng.integers(2**31))
        started = history.num_interactions > 0
        score = self.score(self.posterior(self._left(history))) if started else self._prior
        executed = torch.from_numpy(history.actions).to(self._device)
        best = optimize_acquisition(score, executed, seed, self._config.search)
        return best.cpu().numpy()

    def score(self, posterior: GPPosterior) -> Score:
        """The upper confidence bound of prior mean plus residual."""

        def bound(at: Tensor) -> Tensor:
            mean, std = posterior.moments(at.cpu())
            residual = (mean + self._config.beta**0.5 * std).to(at)
            return self._prior(at) + residual

        return bound

    def _prior(self, at: Tensor) -> Tensor:
        return expect(self._model, self._embedding, at)

    def _left(self, history: History) -> History:
        """Residuals: observed minus predicted rewards."""
        with torch.no_grad():
            actions = torch.from_numpy(history.actions).to(self._device)
            expected = self._prior(actions).cpu().numpy()
        return replace(history, rewards=history.rewards - expected)
