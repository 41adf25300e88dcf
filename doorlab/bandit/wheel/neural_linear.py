"""Neural-linear for bandits with few arms: the paper's algorithm, many problems side by side.

Riquelme et al. 2018, "Deep Bayesian bandits showdown", section 3: a network learns from what was
obtained so far to predict every arm's reward from the context; each arm has a Bayesian linear
regression on its last hidden layer (`doorlab.bandit.linear`, which the door policies use too),
and one draw of its weights is believed at every step. The network is trained again every few
steps, and the regressions begin anew on its new features.

Settings and training are those of the authors' library: RMSProp with a learning rate that falls
within every training and starts afresh with the next, clipped gradients, batches with replacement.

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
    """Widths of the hidden layers; the last are the features."""
    train_every: PositiveInt = 20
    """Steps between trainings of the network."""
    train_steps: NonNegativeInt = 50
    """Gradient steps of a training."""
    batch: PositiveInt = 512
    """Observations per gradient step, drawn with replacement."""
    rate: PositiveFloat = 0.1
    """Learning rate at the start of a training; after k steps it is rate / (1 + rate_decay k)."""
    rate_decay: NonNegativeFloat = 0.5
    """See rate."""
    clip: PositiveFloat = 5.0
    """Largest norm of a gradient."""
    initial: PositiveFloat = 0.3
    """Weights begin uniform in plus or minus this."""
    initial_pulls: NonNegativeInt = 2
    """How often every arm is chosen in turn at first."""
    a: PositiveFloat = 6.0
    """Of the prior of an arm's noise, inverse gamma (a, b)."""
    b: PositiveFloat = 6.0
    """See a."""
    ridge: PositiveFloat = 0.25
    """Precision of the prior of an arm's weights, in units of the noise's."""

    def __post_init__(self) -> None:
        check_limits(self, "")


class BatchedMLP:
    """P networks, one per problem, that share nothing but the batch that they are computed in."""

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
        self._squares = [torch.ones_like(w) for w in self._weights]  # of RMSProp

    def features(self, contexts: Float[Tensor, "P N C"]) -> Float[Tensor, "P N F"]:
        """The last hidden layer."""
        h = contexts
        for w, bias in zip(self._weights[:-2:2], self._weights[1:-2:2], strict=True):
            h = torch.baddbmm(bias, h, w).relu()
        return h

    def rewards(self, contexts: Float[Tensor, "P N C"]) -> Float[Tensor, "P N A"]:
        """What the network expects of every arm."""
        return torch.baddbmm(self._weights[-1], self.features(contexts), self._weights[-2])

    def train(
        self,
        contexts: Float[Tensor, "P N C"],
        arms: Int64[Tensor, "P N"],
        rewards: Float[Tensor, "P N"],
    ) -> None:
        """One training on everything seen so far."""
        c, (problems, seen) = self._config, arms.shape
        for step in range(c.train_steps):
            rows = torch.randint(seen, (problems, c.batch), generator=self._generator)
            x = contexts.gather(1, rows[..., None].expand(-1, -1, contexts.shape[-1]))
            mine = self.rewards(x).gather(2, arms.gather(1, rows)[..., None])[..., 0]
            loss = (mine - rewards.gather(1, rows)).square().sum() / c.batch
            gradients = torch.autograd.grad(loss, self._weights)
            self._descend(gradients, c.rate / (1.0 + c.rate_decay * step))

    @torch.no_grad()
    def _descend(self, gradients: tuple[Tensor, ...], rate: float) -> None:
        """A step of RMSProp, every problem's gradient clipped by itself."""
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
    """Plays P problems to their ends; returns the arms chosen.

    Args:
        contexts: of every problem and step.
        pull: (step, arms of all problems) -> rewards.
        arms: how many there are.
        rng: of everything that is drawn.
        config: see there.
        advance: called with the number of steps played, for progress bars.
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
    """What the regressions have been given, and what they believe, for every problem and arm."""

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
        """Forgets everything, then takes over observations in the features of a new network."""
        for arm in range(self._arms):
            for problem, mask in enumerate(arms == arm):
                mine, obtained = z[problem, mask], y[problem, mask]
                self._xx[problem, arm] = mine.T @ mine
                self._xy[problem, arm] = mine.T @ obtained
                self._yy[problem, arm] = obtained.square().sum()
                self._n[problem, arm] = len(obtained)
        self.belief = self._prior.update_from_stats(self._xx, self._xy, self._yy, self._n)

    def add(
        self, z: Float[Tensor, "P F"], arms: Int64[Tensor, " P"], y: Float[Tensor, " P"]
    ) -> None:
        """One observation of one arm of every problem: only its belief is computed anew."""
        at = torch.arange(len(arms)), arms
        self._xx[at] += z[:, :, None] * z[:, None, :]
        self._xy[at] += z * y[:, None]
        self._yy[at] += y.square()
        self._n[at] += 1.0
        after = self._prior.update_from_stats(self._xx[at], self._xy[at], self._yy[at], self._n[at])
        for name, value in vars(after).items():
            getattr(self.belief, name)[at] = value
