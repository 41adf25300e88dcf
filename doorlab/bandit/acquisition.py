"""Acquisition functions of reward models, and their maximum over actions, for all doors at once.

Sobol candidates locate promising regions, gradient steps improve the best of them, and the best
point evaluated so far is returned.

Legend: D = B doors, t interactions so far, M frames, C H W an image, E embedding, N candidates,
A = 4 action coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.doors import ACTION_DIM
from doorlab.limits import NonNegativeFloat, NonNegativeInt, PositiveInt, check_limits
from doorlab.nn.context_sets import InteractionSet
from doorlab.runtime.torch_state import float32_by_default, thread_defaults

Score = Callable[[Tensor], Tensor]
"""(D, N, 4) actions -> (D, N) values to maximize; differentiable. A value depends on its action."""


@runtime_checkable
class Prediction(Protocol):
    """A model's predictive distribution of rewards."""

    @property
    def mean(self) -> Float[Tensor, "B T"]:
        """Expected rewards."""
        ...

    @property
    def std(self) -> Float[Tensor, "B T"]:
        """Standard deviations of the rewards."""
        ...


@dataclass(frozen=True)
class Moments:
    """A prediction with known moments."""

    mean: Float[Tensor, "B T"]
    """Expected rewards."""
    std: Float[Tensor, "B T"]
    """Standard deviations of the rewards."""


@runtime_checkable
class BanditModel(Protocol):
    """Interface of models that can be used as a policy."""

    has_latent: bool

    def embed(self, x: Float[Tensor, "B M C H W"], /) -> Float[Tensor, "B E"]:
        """Embeddings of doors from frames in [0, 1]."""
        ...

    def condition(self, embedding: Float[Tensor, "B E"], context: InteractionSet, /) -> Any:
        """Encodes embeddings and context sets as a state, in the model's own form."""
        ...

    def draw(self, state: Any, generator: torch.Generator, /) -> Any:
        """Samples the latent of a state; equal generator states give equal samples."""
        ...

    def decode(self, state: Any, actions: Float[Tensor, "B T A"], /) -> Prediction:
        """Predicts rewards of actions from a state; differentiable in the actions."""
        ...


_AT_ONCE_ON_GPU = 2**20  # actions
_BETAS = 0.7, 0.9  # of Adam; the default averages over more steps than a search has


@dataclass(frozen=True)
class SearchConfig:
    """Budget of the search for the best action."""

    candidates: PositiveInt = 64
    """Number of Sobol points evaluated on every door."""
    starts: PositiveInt = 4
    """Number of best candidates per door from which gradient steps start."""
    steps: NonNegativeInt = 10
    """Gradient steps (Adam) from every start; 0 keeps the best candidate."""
    step_size: NonNegativeFloat = 0.2
    """Initial learning rate of Adam, in units of the normalized action; decays linearly to 0."""
    at_once: PositiveInt = 2048
    """Actions, over all doors, that a CPU evaluates at once; should fit into its cache."""

    def __post_init__(self) -> None:
        check_limits(self, "")


@float32_by_default
def sobol_actions(candidates: int, seed: int, dtype: torch.dtype) -> Float[Tensor, "N 4"]:
    """Scrambled Sobol points in Box(-1, 1)."""
    engine = torch.quasirandom.SobolEngine(ACTION_DIM, scramble=True, seed=seed % 2**31)
    return engine.draw(candidates, dtype=dtype) * 2 - 1


@thread_defaults()
def optimize_acquisition(
    score: Score, executed: Float[Tensor, "D t 4"], seed: int, config: SearchConfig
) -> Float[Tensor, "D 4"]:
    """Finds the best action on every door by `maximize`; used by all policies.

    The candidates are Sobol points, equal for all doors, so that the result for a door does not
    depend on other doors, and the executed actions of the door: a policy can repeat a success.

    Args:
        score: acquisition function.
        executed: actions of the earlier interactions; their dtype and device are those of the
            search.
        seed: seed of the Sobol points.
        config: budget of the search.
    """
    sobol = sobol_actions(config.candidates, seed, executed.dtype).to(executed.device)
    return maximize(score, (executed, sobol.expand(len(executed), -1, -1)), config)


@thread_defaults()
def maximize(
    score: Score, groups: Sequence[Float[Tensor, "D _ 4"]], config: SearchConfig
) -> Float[Tensor, "D 4"]:
    """Finds the best action on every door; it is never worse than the best candidate.

    Args:
        score: function to maximize.
        groups: candidates; at least one in all groups together. Candidates that all doors share
            are best an expanded group of their own: models compute their features once
            (`nn.actions.distinct_actions`).
        config: budget of the search.
    """
    candidates = torch.cat(tuple(groups), dim=1)
    with torch.no_grad():
        # Evaluates chunks of the candidates for all doors: chunks that fit into a core's cache are
        # fastest. The few starts are then improved all at once. With one door, nothing is shared.
        points = config.at_once if candidates.is_cpu else _AT_ONCE_ON_GPU
        size = max(1, points // len(candidates))
        apart = groups if len(candidates) > 1 else (candidates,)
        portions = [part for group in apart if group.shape[1] for part in group.split(size, dim=1)]
        values = torch.cat([score(part) for part in portions], dim=1)
    starts = min(config.starts, values.shape[1]) if config.steps else 1
    best_values, index = values.topk(starts, dim=1)
    best = candidates.gather(1, index[..., None].expand(-1, -1, ACTION_DIM))
    x = best.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=config.step_size, betas=_BETAS, maximize=True)
    for step in range(config.steps + 1):
        values = score(x)
        with torch.no_grad():
            better = values > best_values
            best_values = torch.where(better, values, best_values)
            best = torch.where(better[..., None], x, best)
        if step < config.steps:
            # Each value depends on its own action only: a step on the sum is a step on each value.
            (x.grad,) = torch.autograd.grad(values.sum(), x)
            optimizer.param_groups[0]["lr"] = config.step_size * (1.0 - step / config.steps)
            optimizer.step()
            x.data = into_box(x.data)
    winner = best_values.argmax(dim=1)
    return best[torch.arange(len(best)), winner].detach()


def into_box(actions: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 4"]:
    """Maps actions into Box(-1, 1): phi, the first coordinate, wraps; the others are clipped."""
    phi, rest = actions[..., :1], actions[..., 1:]
    return torch.cat([(phi + 1) % 2 - 1, rest.clamp(-1, 1)], dim=-1)


def _greedy(model: BanditModel, state: Any, kappa: float, generator: torch.Generator) -> Score:
    """The expected reward."""
    return lambda at: model.decode(state, at).mean


def _ucb(model: BanditModel, state: Any, kappa: float, generator: torch.Generator) -> Score:
    """The upper confidence bound mean + kappa * std."""

    def bound(at: Tensor) -> Tensor:
        prediction = model.decode(state, at)
        return prediction.mean + kappa * prediction.std

    return bound


def _thompson(model: BanditModel, state: Any, kappa: float, generator: torch.Generator) -> Score:
    """The expected reward under one sample of the latent (Thompson sampling)."""
    sampled = model.draw(state, generator)  # one function per door, evaluated many times
    return lambda at: model.decode(sampled, at).mean


ACQUISITIONS: dict[str, Callable[[BanditModel, Any, float, torch.Generator], Score]] = {
    "greedy": _greedy,
    "ucb": _ucb,
    "thompson": _thompson,
}
