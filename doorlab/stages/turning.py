"""Between looking at doors and trying them: what is seen stays as it is, trying starts anew.

Legend: B doors, E embedding, M frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from doorlab.data.batches import DoorTensors
from doorlab.models.reward import RewardModel
from doorlab.stages.reward_metrics import first_error
from doorlab.stages.train_batches import BatchConfig, looking_steps
from doorlab.training import Turn

TYPICAL_DOORS = 1000  # that embeddings are whitened by, at most
_DOORS_AT_ONCE = 64


def turn(
    config: BatchConfig,
    fresh: Callable[[], RewardModel],
    typical: Callable[[], DoorTensors],
    labelled: int | None,
) -> Turn:
    """From the last step of looking to the first of trying.

    Args:
        config: of the run.
        fresh: the model as it was before the first step.
        typical: doors whose frames may be seen, labelled or not.
        labelled: number of doors whose interactions are learned from; None for no end of them.
    """
    noise = config.embedding_noise / math.sqrt(labelled) if labelled else 0.0

    def do(model: Any) -> None:
        embeddings = embed_all(model, typical(), config.mirror)
        model.process.load_state_dict(fresh().process.state_dict())
        model.process.whiten.settle(embeddings, config.embedding_floor, noise)

    return Turn(looking_steps(config), do, first_error if config.keep_best else None)


def embed_all(model: RewardModel, doors: DoorTensors, mirror: bool) -> Float[Tensor, "B E"]:
    """Of the first `TYPICAL_DOORS`, by all their frames, and of their mirror images if wanted."""
    found = []
    for portion in doors.images[:TYPICAL_DOORS].split(_DOORS_AT_ONCE):
        x = portion.float() / 255.0
        found += [model.embed(view) for view in ([x, x.flip(-1)] if mirror else [x])]
    return torch.cat(found)
