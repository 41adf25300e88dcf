"""Gaussian processes over actions: one per door, all in one batch.

Every door has its own process, data and hyperparameters. BoTorch holds them as one batched model,
so that D doors cost little more than one. Moments and sampled functions are computed here, from
one Cholesky factor per interaction.

Legend: D doors, N actions, t interactions so far, F = 5 features of an action, R random features.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Adam

from doorlab.bandit.acquisition import SearchConfig
from doorlab.bandit.policy import History
from doorlab.limits import (
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    check_limits,
)
from doorlab.nn.actions import action_features
from doorlab.runtime.torch_state import float32_by_default

with warnings.catch_warnings():
    # linear_operator, which BoTorch imports, uses torch.jit.script; torch 2.14 says so to users.
    warnings.filterwarnings("ignore", r"`torch\.jit\.script` is deprecated", FutureWarning)
    import botorch
    from botorch.models import SingleTaskGP
    from botorch.models.transforms.input import InputTransform
    from botorch.optim.fit import fit_gpytorch_mll_torch
    from gpytorch.constraints import GreaterThan
    from gpytorch.kernels import MaternKernel, ScaleKernel
    from gpytorch.likelihoods import GaussianLikelihood
    from gpytorch.means import ConstantMean
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from gpytorch.priors import LogNormalPrior, NormalPrior

_FIT_RATE = 0.05  # learning rate of Adam, on BoTorch's unconstrained hyperparameters
_FEATURES = 256  # frequencies of a sampled function
_NU = 2.5  # smoothness of the Matern kernel: functions are twice differentiable


@dataclass(frozen=True)
class GPConfig:
    """Priors of the Gaussian process, and its use. All values are absolute: rewards are in [0, 1].

    Raises ConfigError for settings out of range.
    """

    beta: NonNegativeFloat = 4.0
    """Weight of uncertainty in ucb: mean + sqrt(beta) * standard deviation."""
    mean: FiniteFloat = 0.1
    """Prior mean of the constant mean; about the mean reward of random actions."""
    scale: PositiveFloat = 0.3
    """Prior median of the process's standard deviation."""
    lengthscale: PositiveFloat = 1.0
    """Prior median of the lengthscales, in units of the features."""
    noise: PositiveFloat = 0.01
    """Prior median of the noise's standard deviation."""
    first_fit: NonNegativeInt = 2
    """Number of interactions from which on hyperparameters are fitted; before, priors are used."""
    fit_growth: PositiveFloat = 1.5
    """Hyperparameters are fitted again whenever the interactions have grown by this factor."""
    fit_steps: NonNegativeInt = 40
    """Gradient steps per fit of the hyperparameters."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """Budget of the search for the best action."""

    def __post_init__(self) -> None:
        check_limits(self, "")


class ActionFeatures(InputTransform):
    """Maps normalized actions to periodic features: [sin phi, cos phi, r, swing, turn]."""

    is_one_to_many = False

    def __init__(self) -> None:
        super().__init__()
        self.transform_on_train = self.transform_on_eval = self.transform_on_fantasize = True

    def transform(self, X: Float[Tensor, "*batch N 4"]) -> Float[Tensor, "*batch N 5"]:
        """Computes the features of normalized actions."""
        return action_features(X)


@float32_by_default
def make_gp(history: History, config: GPConfig) -> SingleTaskGP:
    """A Matern-5/2 process per door on `history`, float64, with hyperparameters at their priors."""
    batch = torch.Size([len(history.rewards)])
    kernel = ScaleKernel(
        MaternKernel(
            nu=_NU,
            ard_num_dims=5,
            batch_shape=batch,
            lengthscale_prior=LogNormalPrior(math.log(config.lengthscale), 0.4),
        ),
        batch_shape=batch,
        outputscale_prior=LogNormalPrior(2 * math.log(config.scale), 0.5),
    )
    kernel.initialize(outputscale=config.scale**2)
    kernel.base_kernel.initialize(lengthscale=config.lengthscale)
    mean = ConstantMean(constant_prior=NormalPrior(config.mean, 0.1), batch_shape=batch)
    mean.initialize(constant=config.mean)
    likelihood = GaussianLikelihood(
        noise_prior=LogNormalPrior(2 * math.log(config.noise), 1.0),
        noise_constraint=GreaterThan(1e-6),
        batch_shape=batch,
    )
    likelihood.initialize(noise=config.noise**2)
    # Rewards are in [0, 1]. Standardizing the few rewards of a door would magnify small
    # differences, so BoTorch's check of the scaling is disabled.
    with botorch.settings.validate_input_scaling(False):
        return SingleTaskGP(
            torch.as_tensor(history.actions, dtype=torch.float64),
            torch.as_tensor(history.rewards, dtype=torch.float64)[..., None],
            likelihood=likelihood,
            covar_module=kernel,
            mean_module=mean,
            outcome_transform=None,
            input_transform=ActionFeatures(),
        )


def fit_gp(model: SingleTaskGP, steps: int) -> None:
    """Moves every door's hyperparameters towards their MAP estimate.

    Uses Adam rather than L-BFGS: Adam's steps on the sum over doors equal steps on each door alone,
    so the fit of a door does not depend on the other doors in the batch.
    """
    mll = ExactMarginalLogLikelihood(model.likelihood, model).train()
    fit_gpytorch_mll_torch(
        mll, step_limit=steps, stopping_criterion=None, optimizer=partial(Adam, lr=_FIT_RATE)
    )


class GPPosterior:
    """Posterior of the processes: moments and sampled functions at any actions."""

    def __init__(self, model: Any) -> None:  # a SingleTaskGP, whose parts are poorly typed
        with torch.no_grad():
            (self._at,) = model.eval().train_inputs  # features: evaluation mode transforms them
            self._kernel, self._features = model.covar_module, model.input_transform
            self._mean = model.mean_module.constant.detach()[:, None]
            self._noise = model.likelihood.noise.detach()
            self._left = model.train_targets - self._mean
            k = self._kernel(self._at).to_dense()
            eye = torch.eye(k.shape[-1], dtype=k.dtype)
            self._factor = torch.linalg.cholesky(k + self._noise[..., None] * eye)
            self._weights = torch.cholesky_solve(self._left[..., None], self._factor)
            self._variance = self._kernel.outputscale.detach()[:, None]

    def moments(
        self, actions: Float[Tensor, "D N 4"]
    ) -> tuple[Float[Tensor, "D N"], Float[Tensor, "D N"]]:
        """Mean and standard deviation of the functions (without noise) at `actions`."""
        k = self._against(self._features(actions.double()))
        mean = self._mean + (k @ self._weights)[..., 0]
        known = torch.linalg.solve_triangular(self._factor, k.mT, upper=False).square().sum(-2)
        return mean, (self._variance - known).clamp_min(1e-12).sqrt()

    def sample(self, rng: np.random.Generator) -> Callable[[Tensor], Tensor]:
        """Samples one function per door, (D, N, 4) -> (D, N), from the posterior.

        Matheron's rule (Wilson et al. 2020): a sample of the prior, from random Fourier features,
        plus a correction that conditions it on the data. Only the prior's features are approximate.
        """
        doors, _, width = self._at.shape
        draw = partial(_drawn, rng)
        # The spectral density of a Matern kernel is a multivariate t with 2 nu degrees of freedom.
        stretch = torch.from_numpy(rng.chisquare(2 * _NU, (doors, 1, _FEATURES)) / (2 * _NU)).sqrt()
        lengthscale = self._kernel.base_kernel.lengthscale.detach().mT
        frequency = draw(doors, width, _FEATURES) / stretch / lengthscale
        height = draw(doors, 2 * _FEATURES, 1) * (self._variance[..., None] / _FEATURES).sqrt()
        with torch.no_grad():
            at_data = _waves(self._at, frequency) @ height
            noise = draw(*at_data.shape) * self._noise.sqrt()[..., None]
            away = self._left[..., None] - at_data - noise
            weights = torch.cholesky_solve(away, self._factor)

        def function(actions: Tensor) -> Tensor:
            features = self._features(actions.double())
            prior = _waves(features, frequency) @ height
            return self._mean + (prior + self._against(features) @ weights)[..., 0]

        return function

    def _against(self, features: Float[Tensor, "D N F"]) -> Float[Tensor, "D N t"]:
        return self._kernel(features, self._at).to_dense()


def _drawn(rng: np.random.Generator, *shape: int) -> Tensor:
    return torch.from_numpy(rng.standard_normal(shape))


def _waves(
    x: Float[Tensor, "D N F"], frequency: Float[Tensor, "D F R"]
) -> Float[Tensor, "D N 2*R"]:
    phase = x @ frequency
    return torch.cat([phase.sin(), phase.cos()], dim=-1)
