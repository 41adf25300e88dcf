"""Ensembles of reward models (Lakshminarayanan et al. 2017): the mixture of their predictions.

Legend: B doors, M frames, C H W an image, E embedding of one model, K models, T query actions,
A = 4 action coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.bandit.acquisition import BanditModel, Prediction
from doorlab.errors import ConfigError
from doorlab.nn.context_sets import InteractionSet


@dataclass(frozen=True)
class MixturePrediction:
    """An equally weighted mixture of predictions. Its moments are computed when they are read."""

    parts: Sequence[Prediction]
    """The predictions of the models."""

    @property
    def mean(self) -> Float[Tensor, "B T"]:
        """Expected rewards."""
        return torch.stack([part.mean for part in self.parts]).mean(dim=0)

    @property
    def std(self) -> Float[Tensor, "B T"]:
        """Standard deviations; they contain the disagreement of the models."""
        mean = self.mean
        variances = [part.std.square() + (part.mean - mean).square() for part in self.parts]
        return torch.stack(variances).mean(dim=0).sqrt()


class EnsembleModel:
    """Several reward models as one; has the methods of `BanditModel`.

    An embedding of the ensemble is the concatenation of the embeddings of its models.

    Args:
        models: one or more reward models with embeddings of the same size.

    Raises ConfigError for an empty sequence.
    """

    has_latent = False

    def __init__(self, models: Sequence[BanditModel]) -> None:
        if not models:
            raise ConfigError("one or more models for an ensemble", "none", "give trained models")
        self._models = tuple(models)

    def embed(self, x: Float[Tensor, "B M C H W"]) -> Float[Tensor, "B KE"]:
        """Embeddings of doors by every model. Raises ConfigError if their sizes differ."""
        embeddings = [model.embed(x) for model in self._models]
        sizes = {embedding.shape[1] for embedding in embeddings}
        if len(sizes) > 1:
            raise ConfigError(
                "models with embeddings of the same size for an ensemble",
                f"sizes {', '.join(map(str, sorted(sizes)))}",
                "train them with the same --architecture",
            )
        return torch.cat(embeddings, dim=1)

    def condition(self, embedding: Float[Tensor, "B KE"], context: InteractionSet) -> list[Any]:
        """The state of every model."""
        parts = embedding.chunk(len(self._models), dim=1)
        return [m.condition(part, context) for m, part in zip(self._models, parts, strict=True)]

    def draw(self, state: list[Any], generator: torch.Generator) -> list[Any]:
        """Raises ConfigError: an ensemble has no latent."""
        raise ConfigError("a model with a latent to sample", "an ensemble", "use one of its models")

    def decode(self, state: list[Any], actions: Float[Tensor, "B T A"]) -> Prediction:
        """Predicts rewards of actions; differentiable in the actions."""
        return MixturePrediction(
            [m.decode(s, actions) for m, s in zip(self._models, state, strict=True)]
        )
