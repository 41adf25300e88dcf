"""GP-UCB without vision: a Gaussian process over actions on every door, all in one batch.

Srinivas et al. 2010, "Gaussian process optimization in the bandit setting", algorithm 1: choose
the action of the largest mean + sqrt(beta) * standard deviation. Every door has its own process,
data and hyperparameters; BoTorch holds them as one batched model, so that D doors cost little
more than one.

Legend: D doors, N actions, t interactions so far, F = 5 features of an action.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial

import botorch
import numpy as np
import torch
from botorch.acquisition import UpperConfidenceBound
from botorch.models import SingleTaskGP
from botorch.models.transforms.input import InputTransform
from botorch.optim.fit import fit_gpytorch_mll_torch
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import LogNormalPrior, NormalPrior
from jaxtyping import Float, Float32, UInt8
from torch import Tensor
from torch.optim import Adam

from doorlab.bandit.policy import History
from doorlab.bandit.search import SearchConfig, maximise, sobol_actions

_FIT_RATE = 0.05  # of Adam, on BoTorch's unconstrained hyperparameters


@dataclass(frozen=True)
class GPConfig:
    """The process, and how it is used. Rewards have a known scale, so none of it is relative."""

    beta: float = 4.0
    """Weight of uncertainty: the acquisition is mean + sqrt(beta) * standard deviation."""
    mean: float = 0.1
    """Prior mean of the constant mean: about what random actions obtain."""
    scale: float = 0.3
    """Prior median of the process's standard deviation."""
    lengthscale: float = 1.0
    """Prior median of the lengthscales, in units of the features."""
    noise: float = 0.01
    """Prior median of the noise's standard deviation."""
    first_fit: int = 2
    """Hyperparameters stay at their priors until there are this many interactions."""
    fit_growth: float = 1.5
    """They are fitted again whenever the interactions have grown by this factor."""
    fit_steps: int = 40
    """Gradient steps per fit."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """How to look for the largest upper confidence bound."""


class ActionFeatures(InputTransform):
    """Normalised actions as features that know phi's period: [sin phi, cos phi, r, swing, turn]."""

    is_one_to_many = False

    def __init__(self) -> None:
        super().__init__()
        self.transform_on_train = self.transform_on_eval = self.transform_on_fantasize = True

    def transform(self, X: Float[Tensor, "*batch N 4"]) -> Float[Tensor, "*batch N 5"]:
        """See the class."""
        phi = math.pi * X[..., :1]
        return torch.cat([phi.sin(), phi.cos(), X[..., 1:]], dim=-1)


class GPUCBPolicy:
    """Opens doors by touch alone."""

    def __init__(self, config: GPConfig | None = None) -> None:
        self._config = config or GPConfig()

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Does not look."""
        self._doors, self._rng = len(frames), rng
        self._hyperparameters: dict[str, Tensor] | None = None
        self._next_fit = float(self._config.first_fit)

    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The action of the largest upper confidence bound; at random where nothing is known."""
        if history.tries == 0:
            return self._rng.uniform(-1.0, 1.0, (self._doors, 4)).astype(np.float32)
        model = self._model(history)
        candidates = sobol_actions(
            self._config.search.candidates, int(self._rng.integers(2**31)), torch.float64
        ).expand(self._doors, -1, -1)
        bound = UpperConfidenceBound(model, beta=self._config.beta)
        best = maximise(lambda x: _per_door(bound, x), candidates, self._config.search)
        return best.numpy().astype(np.float32)

    def _model(self, history: History) -> SingleTaskGP:
        model = make_gp(history, self._config)
        if self._hyperparameters is not None:
            model.load_state_dict(self._hyperparameters)
        if history.tries >= self._next_fit:
            fit_gp(model, self._config.fit_steps)
            self._next_fit = history.tries * self._config.fit_growth
            self._hyperparameters = model.state_dict()
        model.eval()
        return model


def make_gp(history: History, config: GPConfig) -> SingleTaskGP:
    """A Matern-5/2 process per door on `history`, float64, with hyperparameters at their priors."""
    batch = torch.Size([len(history.rewards)])
    kernel = ScaleKernel(
        MaternKernel(
            nu=2.5,
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
    # Rewards are in [0, 1]: standardising the few of a door would make mountains of its molehills,
    # so BoTorch is told not to ask for it.
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

    Adam rather than L-BFGS: its steps on the sum over doors are steps on each door alone, so that
    no door's fit depends on the others in the batch.
    """
    mll = ExactMarginalLogLikelihood(model.likelihood, model).train()
    fit_gpytorch_mll_torch(
        mll, step_limit=steps, stopping_criterion=None, optimizer=partial(Adam, lr=_FIT_RATE)
    )


def _per_door(bound: UpperConfidenceBound, x: Float[Tensor, "D N 4"]) -> Float[Tensor, "D N"]:
    """The bound at N actions on each door, in portions that fit in memory."""
    portion = max(1, 20_000 // len(x))
    points = x.transpose(0, 1)[..., None, :]  # (N, D, q = 1, 4): batches of the batched model
    return torch.cat([bound(part) for part in points.split(portion)]).transpose(0, 1)
