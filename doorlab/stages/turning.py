"""Between looking at doors and trying them: what is seen stays as it is, trying starts anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from doorlab.data.batches import DoorTensors
from doorlab.stages.memory import embed_all
from doorlab.stages.reward_metrics import first_error
from doorlab.stages.train_batches import BatchConfig, looking_steps
from doorlab.training import Turn

TYPICAL_DOORS = 1000  # that embeddings are whitened by, at most


def turn(
    config: BatchConfig,
    process: Mapping[str, Tensor],
    typical: Callable[[], DoorTensors],
    labelled: int | None,
) -> Turn:
    """From the last step of looking to the first of trying.

    Args:
        config: of the run.
        process: weights of the model's process before the first step.
        typical: doors whose frames may be seen, labelled or not.
        labelled: number of doors whose interactions are learned from; None for no end of them.
    """
    noise = config.embedding_noise / math.sqrt(labelled) if labelled else 0.0

    def do(model: Any) -> None:
        embeddings = embed_all(model, typical().images[:TYPICAL_DOORS], config.mirror)
        model.process.load_state_dict(process)
        model.process.whiten.settle(embeddings, config.embedding_floor, noise)

    return Turn(looking_steps(config), do, first_error if config.keep_best else None)
