"""A reward model as a policy: embeds the frames once, then maximizes an acquisition function.

Works with any model that has the methods of `BanditModel`.

Legend: B = D doors, M frames per door, C H W an image, E embedding, T query actions, A = 4 action
coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from doorlab.bandit.acquisition import (
    ACQUISITIONS,
    BanditModel,
    Score,
    SearchConfig,
    optimize_acquisition,
)
from doorlab.bandit.checkpoint import Stateful
from doorlab.bandit.policies.embedding import embed
from doorlab.bandit.policy import History
from doorlab.bandit.residual_gp import (
    CorrectedPrediction,
    ResidualConfig,
    ResidualModel,
    bounded,
)
from doorlab.errors import ConfigError, unknown_name
from doorlab.limits import FiniteFloat, PositiveInt, check_limits
from doorlab.nn.context_sets import InteractionSet
from doorlab.runtime.torch_state import thread_defaults


@dataclass(frozen=True)
class ModelConfig:
    """How predictions determine actions. Raises ConfigError for a kappa that is not finite."""

    choice: str = "greedy"
    """greedy: best mean; ucb: best mean + kappa * std; thompson: best of one sampled function."""
    kappa: FiniteFloat = 1.0
    """Weight of uncertainty in ucb: mean + kappa * std."""
    residuals: ResidualConfig | None = field(default_factory=ResidualConfig)
    """Gaussian process on the model's residuals; None for the model's predictions alone."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """Budget of the search for the best action."""
    doors_at_once: PositiveInt = 256
    """Doors per batch; limits memory."""

    def __post_init__(self) -> None:
        check_limits(self, "")


class ModelPolicy(Stateful):
    """Policy that maximizes the predictions of a reward model.

    Raises:
        ConfigError: for an unknown choice, or thompson with a model that has no latent.
    """

    state_fields = ("_rng", "_embedding")

    def __init__(
        self, model: BanditModel, config: ModelConfig | None = None, device: str = "cpu"
    ) -> None:
        self._config, self._device = config or ModelConfig(), device
        residuals = self._config.residuals
        self._model = model if residuals is None else ResidualModel(model, residuals)
        if not isinstance(self._config.choice, str) or self._config.choice not in ACQUISITIONS:
            raise unknown_name("choice", self._config.choice, ACQUISITIONS)
        if self._config.choice == "thompson" and not model.has_latent:
            raise ConfigError(
                "a model with a latent variable, for the choice thompson",
                type(model).__name__,
                "choose ucb or greedy",
            )

    @thread_defaults()
    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Embeds the frames of every door."""
        self._rng = rng
        self._embedding = embed(self._model, frames, self._device)

    @thread_defaults()
    def begin_from(self, embedding: Float[Tensor, "D E"], rng: np.random.Generator) -> None:
        """Starts like `begin`, with stored embeddings instead of frames."""
        self._embedding, self._rng = embedding.to(self._device), rng

    @property
    def embedding(self) -> Float[Tensor, "D E"]:
        """Embeddings of the doors; the frames themselves are not kept."""
        return self._embedding

    @property
    def rng(self) -> np.random.Generator:
        """Random generator of the policy."""
        return self._rng

    @thread_defaults()
    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The action with the best acquisition value on every door."""
        search = self._config.search
        sobol_seed, draw_seed = draw_seeds(self._rng)
        actions = []
        for part in self._parts(len(self._embedding)):
            score = self._score(history, part, draw_seed + part.start)
            known = torch.from_numpy(history.actions[part]).to(self._device)
            actions.append(optimize_acquisition(score, known, sobol_seed, search).cpu())
        return torch.cat(actions).numpy()

    @thread_defaults()
    @torch.no_grad()
    def predict(
        self, history: History, actions: Float32[np.ndarray, "D T 4"]
    ) -> tuple[Float32[np.ndarray, "D T"], Float32[np.ndarray, "D T"]]:
        """Mean and standard deviation of the rewards of `actions`, given the interactions."""
        moments = []
        for part in self._parts(len(self._embedding)):
            at = torch.from_numpy(actions[part]).to(self._device)
            prediction = self._model.decode(self._known(history, part), at)
            if isinstance(prediction, CorrectedPrediction):
                prediction = bounded(prediction)
            moments.append(torch.stack([prediction.mean, prediction.std]).cpu())
        mean, std = torch.cat(moments, dim=1).numpy()
        return mean, std

    @torch.no_grad()
    def _score(self, history: History, part: slice, seed: int) -> Score:
        """The acquisition function for a chunk of the doors."""
        generator = torch.Generator(self._device).manual_seed(seed)
        state = self._known(history, part)
        return ACQUISITIONS[self._config.choice](self._model, state, self._config.kappa, generator)

    def _known(self, history: History, part: slice) -> Any:
        """The model's state for a chunk of the doors, given their interactions."""
        arrays = (torch.from_numpy(x[part]) for x in (history.actions, history.rewards))
        context = InteractionSet.all(*(x.to(self._device) for x in arrays))
        return self._model.condition(self._embedding[part], context)

    def _parts(self, doors: int) -> Iterator[slice]:
        size = self._config.doors_at_once
        return (slice(first, min(first + size, doors)) for first in range(0, doors, size))


def draw_seeds(rng: np.random.Generator) -> tuple[int, int]:
    """Seeds of the search and of the latent sample, from one step's random numbers."""
    search, draw = rng.integers(2**31, size=2).tolist()
    return search, draw
