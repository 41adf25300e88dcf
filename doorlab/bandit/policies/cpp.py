"""Contextual prior prediction: a model that sees gives the prior mean, a process learns the rest.

Moses et al. 2020, "Visual prediction of priors for articulated object interaction": before the
first try the expected reward of an action is what a supervised model predicts from pictures; what
tries obtain beyond that is a Gaussian process, one per door. Here the supervised model is any
reward model without interactions. The action of the largest upper confidence bound is chosen.

Legend: D doors, M frames, N actions, t interactions so far.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from doorlab.bandit.action_search import Score, optimize_acquisition
from doorlab.bandit.gaussian_process import GPConfig, GPPosterior
from doorlab.bandit.policies.embedding import embed, expect
from doorlab.bandit.policies.gp import GPPolicy
from doorlab.bandit.policies.model import RewardModel
from doorlab.bandit.policy import History
from doorlab.runtime.torch_state import thread_defaults

# Residuals are about zero; a door differs from what it looks like by about as much as rewards do.
RESIDUALS = GPConfig(beta=1.0, mean=0.0, scale=0.3, lengthscale=1.0)


class ContextualPriorPolicy(GPPolicy):
    """Sees with a trained model, learns with Gaussian processes."""

    state_fields = (*GPPolicy.state_fields, "_embedding")

    def __init__(
        self, model: RewardModel, config: GPConfig = RESIDUALS, device: str = "cpu"
    ) -> None:
        super().__init__(config)
        self._model, self._device = model, device

    @thread_defaults()
    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Looks at every door once."""
        super().begin(frames, rng)
        self._embedding = embed(self._model, frames, self._device)

    @thread_defaults()
    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The action of the largest upper confidence bound; of the prior mean at first."""
        doors, seed = len(self._embedding), int(self._rng.integers(2**31))
        tried = history.tries > 0
        score = self.score(self.posterior(self._left(history))) if tried else self._prior
        best = optimize_acquisition(score, doors, seed, self._config.search, device=self._device)
        return best.cpu().numpy()

    def score(self, posterior: GPPosterior) -> Score:
        """The upper confidence bound of prior mean and residual."""

        def bound(at: Tensor) -> Tensor:
            mean, std = posterior.moments(at.cpu())
            residual = (mean + self._config.beta**0.5 * std).to(at)
            return self._prior(at) + residual

        return bound

    def _prior(self, at: Tensor) -> Tensor:
        return expect(self._model, self._embedding, at)

    def _left(self, history: History) -> History:
        """What was obtained beyond what was expected."""
        with torch.no_grad():
            actions = torch.from_numpy(history.actions).to(self._device)
            expected = self._prior(actions).cpu().numpy()
        return replace(history, rewards=history.rewards - expected)
