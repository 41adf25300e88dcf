"""Neural-linear for bandits with few arms: the algorithm of the paper, on many problems at once.

Riquelme et al. 2018, "Deep Bayesian bandits showdown", section 3: a network learns from the rewards
so far to predict every arm's reward from the context. Each arm has a Bayesian linear regression on
the last hidden layer (`doorlab.bandit.linear`, which the door policies use too), and every step
acts on one sample of its weights. The network is trained again every few steps; the regressions
are then recomputed on its new features.

Settings and training follow the authors' library: RMSProp with a learning rate that decays within
every training and restarts with the next, clipped gradients, batches with replacement.

Legend: P problems, T steps, A arms, C context coordinates, F features, N observations in a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from doorlab.bandit.linear import BayesianLinearPosterior
from doorlab.limits import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    check_limits,
)
from doorlab.runtime.torch_state import process_defaults


@dataclass(frozen=True)
class NeuralLinearArmsConfig:
    """The network, its training, and the regressions."""

    hidden: tuple[PositiveInt, ...] = (100, 100)
    """Widths of the hidden layers; the last layer provides the features."""
    train_every: PositiveInt = 20
    """Steps between trainings of the network."""
    train_steps: NonNegativeInt = 50
    """Gradient steps per training."""
    batch: PositiveInt = 512
    """Observations per gradient step, sampled with replacement."""
    rate: PositiveFloat = 0.1
    """Initial learning rate of a training; after k steps it is rate / (1 + rate_decay k)."""
    rate_decay: NonNegativeFloat = 0.5
    """Decay of the learning rate: after k steps it is rate / (1 + rate_decay k)."""
    clip: PositiveFloat = 5.0
    """Maximum norm of a gradient."""
    initial: PositiveFloat = 0.3
    """Weights are initialized uniformly between minus and plus this."""
    initial_pulls: NonNegativeInt = 2
    """Number of times that every arm is chosen in turn at the start."""
    a: PositiveFloat = 6.0
    """Shape of the inverse-gamma prior (a, b) of an arm's noise."""
    b: PositiveFloat = 6.0
    """Scale of the inverse-gamma prior (a, b) of an arm's noise."""
    ridge: PositiveFloat = 0.25
    """Precision of the prior of an arm's weights, in units of the noise precision."""

    def __post_init__(self) -> None:
        check_limits(self, "")


class BatchedMLP:
    """P independent networks, one per problem, computed in one batch."""

    def __init__(
        self, problems: int, contexts: int, arms: int, config: NeuralLinearArmsConfig, seed: int
    ) -> None:
        self._config, self._generator = config, torch.Generator().manual_seed(seed)
        sizes = (contexts, *config.hidden, arms)
        self._weights: list[Tensor] = []
        for width_in, width_out in pairwise(sizes):
            w = torch.rand(problems, width_in, width_out, generator=self._generator) * 2 - 1
            self._weights += [w * config.initial, torch.zeros(problems, 1, width_out)]
        for weight in self._weights:
            weight.requires_grad_()
        self._squares = [torch.ones_like(w) for w in self._weights]  # running averages of RMSProp

    def features(self, contexts: Float[Tensor, "P N C"]) -> Float[Tensor, "P N F"]:
        """The last hidden layer."""
        h = contexts
        for w, bias in zip(self._weights[:-2:2], self._weights[1:-2:2], strict=True):
            h = torch.baddbmm(bias, h, w).relu()
        return h

    def rewards(self, contexts: Float[Tensor, "P N C"]) -> Float[Tensor, "P N A"]:
        """Predicted rewards of all arms."""
        return torch.baddbmm(self._weights[-1], self.features(contexts), self._weights[-2])

    def train(
        self,
        contexts: Float[Tensor, "P N C"],
        arms: Int64[Tensor, "P N"],
        rewards: Float[Tensor, "P N"],
    ) -> None:
        """Trains the networks on all observations so far."""
        c, (problems, count) = self._config, arms.shape
        for step in range(c.train_steps):
            rows = torch.randint(count, (problems, c.batch), generator=self._generator)
            x = contexts.gather(1, rows[..., None].expand(-1, -1, contexts.shape[-1]))
            predicted = self.rewards(x).gather(2, arms.gather(1, rows)[..., None])[..., 0]
            loss = (predicted - rewards.gather(1, rows)).square().sum() / c.batch
            gradients = torch.autograd.grad(loss, self._weights)
            self._descend(gradients, c.rate / (1.0 + c.rate_decay * step))

    @torch.no_grad()
    def _descend(self, gradients: tuple[Tensor, ...], rate: float) -> None:
        """A step of RMSProp; gradients are clipped per problem."""
        norm = sum(g.square().sum(dim=(1, 2), keepdim=True) for g in gradients)
        factor = self._config.clip / torch.as_tensor(norm).sqrt().clamp_min(self._config.clip)
        for weight, gradient, square in zip(self._weights, gradients, self._squares, strict=True):
            clipped = gradient * factor
            square.mul_(0.9).addcmul_(clipped, clipped, value=0.1)
            weight.addcdiv_(clipped, (square + 1e-10).sqrt(), value=-rate)


@process_defaults()
def run_neural_linear(
    contexts: Float64[np.ndarray, "P T C"],
    pull: Callable[[int, Int64[np.ndarray, " P"]], Float64[np.ndarray, " P"]],
    arms: int,
    rng: np.random.Generator,
    config: NeuralLinearArmsConfig,
    advance: Callable[[int], None] = lambda steps: None,
) -> Int64[np.ndarray, "P T"]:
    """Runs the algorithm on P problems; returns the chosen arms.

    Args:
        contexts: contexts of every problem and step.
        pull: (step, arms of all problems) -> rewards.
        arms: number of arms.
        rng: source of all random numbers.
        config: settings of the algorithm.
        advance: called with the number of steps done, for progress bars.
    """
    problems, steps, size = contexts.shape
    x = torch.from_numpy(contexts).float()
    network = BatchedMLP(problems, size, arms, config, int(rng.integers(2**62)))
    sums = _SufficientStatistics(problems, arms, config)
    chosen = torch.zeros(problems, steps, dtype=torch.int64)
    rewards = torch.zeros(problems, steps)
    for first in range(0, steps, config.train_every):
        after = min(first + config.train_every, steps)
        with torch.no_grad():
            z = network.features(x[:, :after]).double()
        sums.begin(z[:, :first], chosen[:, :first], rewards[:, :first].double())
        for t in range(first, after):
            if t < arms * config.initial_pulls:
                chosen[:, t] = t % arms
            else:
                values = sums.belief.sample(rng) @ z[:, t, :, None]
                chosen[:, t] = values[..., 0].argmax(dim=1)
            rewards[:, t] = torch.from_numpy(pull(t, chosen[:, t].numpy())).float()
            sums.add(z[:, t], chosen[:, t], rewards[:, t].double())
        network.train(x[:, :after], chosen[:, :after], rewards[:, :after])
        advance(after - first)
    return chosen.numpy()


class _SufficientStatistics:
    """Statistics and posteriors of the regressions, for every problem and arm."""

    def __init__(self, problems: int, arms: int, config: NeuralLinearArmsConfig) -> None:
        self._arms, width = arms, config.hidden[-1]
        self._prior = BayesianLinearPosterior.ridge((width,), config.ridge, config.a, config.b)
        shape = (problems, arms)
        self._xx = torch.zeros(*shape, width, width, dtype=torch.float64)
        self._xy = torch.zeros(*shape, width, dtype=torch.float64)
        self._yy, self._n = torch.zeros(2, *shape, dtype=torch.float64)
        self.belief = BayesianLinearPosterior.ridge(
            (*shape, width), config.ridge, config.a, config.b
        )

    def begin(
        self, z: Float[Tensor, "P N F"], arms: Int64[Tensor, "P N"], y: Float[Tensor, "P N"]
    ) -> None:
        """Recomputes the statistics from observations in the features of a new network."""
        for arm in range(self._arms):
            for problem, mask in enumerate(arms == arm):
                features, rewards = z[problem, mask], y[problem, mask]
                self._xx[problem, arm] = features.T @ features
                self._xy[problem, arm] = features.T @ rewards
                self._yy[problem, arm] = rewards.square().sum()
                self._n[problem, arm] = len(rewards)
        self.belief = self._prior.update_from_stats(self._xx, self._xy, self._yy, self._n)

    def add(
        self, z: Float[Tensor, "P F"], arms: Int64[Tensor, " P"], y: Float[Tensor, " P"]
    ) -> None:
        """Adds one observation of one arm per problem, and updates only that arm's posterior."""
        at = torch.arange(len(arms)), arms
        self._xx[at] += z[:, :, None] * z[:, None, :]
        self._xy[at] += z * y[:, None]
        self._yy[at] += y.square()
        self._n[at] += 1.0
        after = self._prior.update_from_stats(self._xx[at], self._xy[at], self._yy[at], self._n[at])
        for name, value in vars(after).items():
            getattr(self.belief, name)[at] = value
