"""A learned reward model as a policy: look once, then search the actions that it promises most of.

Any model with the methods of `RewardModel` will do; this file knows none in particular.

Legend: B = D doors, M frames per door, C H W an image, E embedding, N interactions so far,
T actions asked about, A = 4 action coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from torch import Tensor

from doorlab.bandit.memory import Remembers
from doorlab.bandit.policies.looking import look
from doorlab.bandit.policy import History
from doorlab.bandit.search import Score, SearchConfig, best_actions
from doorlab.doors import ACTION_DIM
from doorlab.errors import ConfigError, unknown_name


@runtime_checkable
class Prediction(Protocol):
    """What a model says about rewards."""

    mean: Float[Tensor, "B T"]
    std: Float[Tensor, "B T"]


@runtime_checkable
class RewardModel(Protocol):
    """What a model must offer to be a policy."""

    has_latent: bool

    def embed(self, x: Float[Tensor, "B M C H W"], /) -> Float[Tensor, "B E"]:
        """Doors from their frames, in [0, 1]."""
        ...

    def predict(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
        /,
    ) -> Prediction:
        """Rewards of the actions `at`, given those tried; differentiable in `at`."""
        ...

    def sample_functions(
        self,
        embedding: Float[Tensor, "B E"],
        ac: Float[Tensor, "B N A"],
        rc: Float[Tensor, "B N"],
        mask: Bool[Tensor, "B N"],
        at: Float[Tensor, "B T A"],
        generator: torch.Generator,
        /,
    ) -> Float[Tensor, "B T"]:
        """One plausible reward function per door at `at`: the same for the same generator state."""
        ...


# Models promise much on broad hills: the best of few candidates climbs one, another one at every
# try, where a search for the highest of all would have the greedy choice repeat what failed.
_SEARCH = SearchConfig(candidates=128, starts=1, steps=30, step_size=0.1)


@dataclass(frozen=True)
class ModelConfig:
    """How a model's predictions become an action."""

    choice: str = "greedy"
    """greedy: best mean; ucb: best mean + kappa * std; thompson: best of one sampled function."""
    kappa: float = 1.0
    """Weight of uncertainty in ucb."""
    search: SearchConfig = _SEARCH
    """How to look for the best action."""
    doors_at_once: int = 256
    """Doors per batch, which bounds memory."""


@dataclass(frozen=True)
class _Context:
    """What is known about a portion of the doors."""

    embedding: Float[Tensor, "B E"]
    actions: Float[Tensor, "B N A"]
    rewards: Float[Tensor, "B N"]
    mask: Bool[Tensor, "B N"]


class ModelPolicy(Remembers):
    """Opens doors by what a model has learned from others.

    Raises:
        ConfigError: for an unknown choice, or thompson with a model that has no latent.
    """

    remembers = ("_rng", "_embedding")

    def __init__(
        self, model: RewardModel, config: ModelConfig | None = None, device: str = "cpu"
    ) -> None:
        self._model, self._config, self._device = model, config or ModelConfig(), device
        if self._config.choice not in CHOICES:
            raise unknown_name("choice", self._config.choice, CHOICES)
        if self._config.choice == "thompson" and not model.has_latent:
            raise ConfigError(
                "a model with a latent to sample, for the choice thompson",
                type(model).__name__,
                "choose ucb or greedy",
            )

    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Looks at every door once."""
        self._rng = rng
        self._embedding = look(self._model, frames, self._device)

    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The action that the model thinks best, in the sense of the configured choice."""
        search = self._config.search
        sobol_seed, draw_seed = (int(s) for s in self._rng.integers(2**31, size=2))
        actions = []
        for part in self._parts(len(self._embedding)):
            context = self._context(history, part)
            score = self._score(context, draw_seed + part.start)
            doors = len(context.embedding)
            best = best_actions(score, doors, sobol_seed, search, device=self._device)
            actions.append(best.cpu())
        return torch.cat(actions).numpy()

    def _score(self, context: _Context, seed: int) -> Score:
        return CHOICES[self._config.choice](self._model, context, self._config, seed)

    def _context(self, history: History, part: slice) -> _Context:
        doors = part.stop - part.start
        entries = max(history.tries, 1)  # nothing known: one masked entry, not an empty set
        actions = torch.zeros(doors, entries, ACTION_DIM)
        rewards, known = torch.zeros(doors, entries), torch.zeros(doors, entries, dtype=torch.bool)
        actions[:, : history.tries] = torch.from_numpy(history.actions[part])
        rewards[:, : history.tries] = torch.from_numpy(history.rewards[part])
        known[:, : history.tries] = True
        return _Context(
            self._embedding[part], *(x.to(self._device) for x in (actions, rewards, known))
        )

    def _parts(self, doors: int) -> Iterator[slice]:
        size = self._config.doors_at_once
        return (slice(first, min(first + size, doors)) for first in range(0, doors, size))


def _greedy(model: RewardModel, known: _Context, config: ModelConfig, seed: int) -> Score:
    return lambda at: _predict(model, known, at).mean


def _ucb(model: RewardModel, known: _Context, config: ModelConfig, seed: int) -> Score:
    def bound(at: Tensor) -> Tensor:
        prediction = _predict(model, known, at)
        return prediction.mean + config.kappa * prediction.std

    return bound


def _thompson(model: RewardModel, known: _Context, config: ModelConfig, seed: int) -> Score:
    def sampled(at: Tensor) -> Tensor:
        # The generator starts afresh at every call: one function per door, asked many times.
        generator = torch.Generator(at.device).manual_seed(seed)
        return model.sample_functions(
            known.embedding, known.actions, known.rewards, known.mask, at, generator
        )

    return sampled


def _predict(model: RewardModel, known: _Context, at: Tensor) -> Prediction:
    return model.predict(known.embedding, known.actions, known.rewards, known.mask, at)


CHOICES: dict[str, Callable[[RewardModel, _Context, ModelConfig, int], Score]] = {
    "greedy": _greedy,
    "ucb": _ucb,
    "thompson": _thompson,
}
