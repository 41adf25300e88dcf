"""Shared by policies that use images: embeddings of doors, and a model's prior predictions.

Legend: D doors, M frames per door, H, W pixels, E embedding, N actions, J interactions per door.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from doorlab.bandit.checkpoint import Stateful
from doorlab.errors import ConfigError
from doorlab.models.embedding import Encoder
from doorlab.nn.context_sets import InteractionSet
from doorlab.nn.images import to_float
from doorlab.runtime.torch_state import thread_defaults

_AT_ONCE = 16  # doors per batch; larger batches exceed a core's cache and are slower


@dataclass(frozen=True)
class LabeledDataset:
    """Labeled doors from which a policy may learn before its own interactions."""

    frames: UInt8[np.ndarray, "D M H W 3"]
    actions: Float32[np.ndarray, "D J 4"]
    rewards: Float32[np.ndarray, "D J"]


def check_min_doors(labeled: LabeledDataset, least: int) -> None:
    """Raises ConfigError if a policy has fewer labeled doors than it needs."""
    if len(labeled.rewards) < least:
        raise ConfigError(
            f"{least} or more labeled doors to learn from",
            f"{len(labeled.rewards)}",
            "use a run that was trained with more",
        )


@thread_defaults()
def embed(
    model: Encoder, frames: UInt8[np.ndarray, "D M H W 3"], device: str = "cpu"
) -> Float[Tensor, "D E"]:
    """Embeddings of doors from their frames, on `device`."""
    with torch.no_grad():
        parts = torch.from_numpy(np.ascontiguousarray(frames)).split(_AT_ONCE)
        return torch.cat([model.embed(to_float(part.to(device).movedim(-1, 2))) for part in parts])


class EmbeddingPolicy(Stateful):
    """A policy that starts with an embedding of every door. Subclasses set `_look`."""

    state_fields = ("_rng", "_embedding")
    _look: Callable[[UInt8[np.ndarray, "D M H W 3"]], Float[Tensor, "D E"]]

    @thread_defaults()
    def begin(self, frames: UInt8[np.ndarray, "D M H W 3"], rng: np.random.Generator) -> None:
        """Embeds the frames of every door."""
        self._rng, self._embedding = rng, self._look(frames).cpu()


def expect(
    model: Any, embedding: Float[Tensor, "D E"], actions: Float[Tensor, "D N 4"]
) -> Float[Tensor, "D N"]:
    """Mean rewards of actions on doors without interactions (empty context set)."""
    return model.predict(embedding, InteractionSet.nothing(actions), actions).mean


def standardization(
    embedding: Float[Tensor, "D E"],
) -> tuple[Float[Tensor, " E"], Float[Tensor, " E"]]:
    """Mean and standard deviation over doors; 1 where all doors have the same value."""
    mean = embedding.mean(dim=0)
    std = embedding.std(dim=0) if len(embedding) > 1 else torch.zeros_like(mean)
    return mean, torch.where(std > 1e-6, std, torch.ones_like(std))
