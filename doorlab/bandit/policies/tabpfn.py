"""TabPFN on embeddings: rewards of a door's actions by in-context regression on a table.

Hollmann et al. 2025, "Accurate predictions on small data with a tabular foundation model". A row
of the table is (embedding of a door, features of an action) with the reward as its target. The
table has a sample of the interactions with labeled doors, and the interactions with the door to
open. TabPFN is not trained; the policy executes the action with the largest predicted mean, among
Sobol points and the earlier actions.

Limits: the policy has no exploration bonus, and the prediction is not differentiable, so that the
search has no gradient steps. Every step fits one table per door, which makes it the
slowest policy. The library (extra `tabpfn`) downloads its weights, which have their own license.

Legend: D doors, M frames, E embedding, J interactions, N candidates, A = 4 action coordinates.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from doorlab.bandit.acquisition import BanditModel, sobol_actions
from doorlab.bandit.policies.embedding import (
    EmbeddingPolicy,
    LabeledDataset,
    check_min_doors,
    embed,
    standardization,
)
from doorlab.bandit.policy import History
from doorlab.errors import ConfigError
from doorlab.limits import PositiveInt, Seed, check_limits
from doorlab.nn.actions import action_features
from doorlab.runtime.torch_state import thread_defaults
from doorlab.seeding import stream


@runtime_checkable
class Regressor(Protocol):
    """The part of the interface of `tabpfn.TabPFNRegressor` that the policy uses."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Any:
        """Stores a table of rows (n, columns) and their targets (n,)."""
        ...

    def predict(self, X: np.ndarray, *, output_type: str) -> np.ndarray:
        """Predictions (m,) for rows (m, columns); `output_type` is "mean"."""
        ...


@dataclass(frozen=True)
class TabPFNConfig:
    """Size of the table and of the search. Raises ConfigError for settings out of range."""

    rows: PositiveInt = 1000
    """Largest number of interactions with labeled doors in the table, sampled without repetition.
    The time of a step grows with it."""
    candidates: PositiveInt = 128
    """Number of Sobol points evaluated on every door."""
    seed: Seed = 0
    """Seed of the sample of interactions and of TabPFN."""

    def __post_init__(self) -> None:
        check_limits(self, "")


class TabPFNPolicy(EmbeddingPolicy):
    """Predicts rewards with TabPFN from embeddings, labeled doors and own interactions.

    Args:
        model: model that embeds doors.
        labeled: labeled doors.
        config: size of the table and of the search.
        device: torch device of the model and of TabPFN.
        make_regressor: returns a new regressor; None for `tabpfn.TabPFNRegressor`.

    Raises:
        ConfigError: if there is no labeled door, or if the library or its weights are missing.
    """

    @thread_defaults()
    def __init__(
        self,
        model: BanditModel,
        labeled: LabeledDataset,
        config: TabPFNConfig | None = None,
        device: str = "cpu",
        make_regressor: Callable[[], Regressor] | None = None,
    ) -> None:
        self._config, self._look = config or TabPFNConfig(), partial(embed, model, device=device)
        self._make = make_regressor or partial(_tabpfn_regressor, device, self._config.seed)
        check_min_doors(labeled, 1)
        embedding = self._look(labeled.frames).cpu()
        self._center, self._scale = standardization(embedding)
        rows = self._rows(embedding, torch.from_numpy(labeled.actions))
        rewards = labeled.rewards.ravel()
        rng = stream(self._config.seed, "tabpfn")
        chosen = rng.permutation(len(rewards))[: self._config.rows]
        self._table = rows.reshape(-1, rows.shape[-1])[chosen], rewards[chosen]
        _check_regressor(self._make, *self._table)

    @thread_defaults()
    def act(self, history: History) -> Float32[np.ndarray, "D 4"]:
        """The candidate or earlier action with the largest predicted mean on every door."""
        seed = int(self._rng.integers(2**31))
        points = sobol_actions(self._config.candidates, seed, torch.float32)
        doors, earlier = len(self._embedding), torch.from_numpy(history.actions)
        candidates = torch.cat([points.expand(doors, -1, -1), earlier], dim=1)
        values = self._predicted(self._rows(self._embedding, candidates), history)
        return candidates.numpy()[np.arange(doors), values.argmax(axis=1)]

    def _predicted(
        self, rows: Float32[np.ndarray, "D N F"], history: History
    ) -> Float[np.ndarray, "D N"]:
        """Mean rewards of rows; the table of a door contains its own interactions only."""
        x, y = self._table
        if history.num_interactions == 0:  # all doors have the same table
            flat = _means(self._make(), x, y, rows.reshape(-1, rows.shape[-1]))
            return flat.reshape(rows.shape[:2])
        own = self._rows(self._embedding, torch.from_numpy(history.actions))
        tables = zip(own, history.rewards, rows, strict=True)
        return np.stack(
            [
                _means(self._make(), np.concatenate([x, a]), np.concatenate([y, r]), at)
                for a, r, at in tables
            ]
        )

    def _rows(
        self, embedding: Float[Tensor, "D E"], actions: Float[Tensor, "D N A"]
    ) -> Float32[np.ndarray, "D N F"]:
        """Standardized embeddings and features of actions, one row per action."""
        seen = ((embedding - self._center) / self._scale)[:, None]
        seen = seen.expand(-1, actions.shape[1], -1)
        return torch.cat([seen, action_features(actions)], dim=-1).float().numpy()


def _means(
    regressor: Regressor,
    x: Float32[np.ndarray, "J F"],
    y: Float32[np.ndarray, " J"],
    at: Float32[np.ndarray, "N F"],
) -> Float[np.ndarray, " N"]:
    """Predicted means for the rows `at`, given the table `x`, `y`."""
    regressor.fit(x, y)
    return np.asarray(regressor.predict(at, output_type="mean"))


def _tabpfn_regressor(device: str, seed: int) -> Regressor:
    """A regressor of the library TabPFN. Raises ConfigError if the library is missing."""
    try:
        library: Any = importlib.import_module("tabpfn")
    except ImportError:
        raise ConfigError(
            "the library tabpfn for the policy tabpfn",
            "none in this Python environment",
            "run `pip install 'doorlab[tabpfn]'`, or use another policy",
        ) from None
    return library.TabPFNRegressor(device=device, random_state=seed)


def _check_regressor(
    make: Callable[[], Regressor], x: Float32[np.ndarray, "J F"], y: Float32[np.ndarray, " J"]
) -> None:
    """Raises ConfigError if the regressor does not predict, for example without its weights."""
    try:
        _means(make(), x, y, x[:1])
    except ConfigError:
        raise
    except Exception as error:  # the download of the weights fails in many ways
        message = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ConfigError(
            "the library tabpfn with its weights",
            message,
            "download the weights as the documentation of TabPFN describes, or use another policy",
        ) from error
