"""Between looking at doors and trying them: what is seen stays as it is, trying starts anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from doorlab.data.tensors.batches import DoorData
from doorlab.evaluation.reward_metrics import zero_shot_mse
from doorlab.learning.reward_batches import BatchConfig, encoder_steps
from doorlab.models.embedding import embed_all
from doorlab.training import Turn

NUM_WHITENING_DOORS = 1000  # that embeddings are whitened by, at most


def turn(
    config: BatchConfig,
    process: Mapping[str, Tensor],
    typical: Callable[[], DoorData],
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
        embeddings = embed_all(model, typical().images[:NUM_WHITENING_DOORS], config.mirror)
        model.process.load_state_dict(process)
        model.process.whiten.fit(embeddings, config.whitening_eps, noise)

    return Turn(encoder_steps(config), do, zero_shot_mse if config.keep_best else None)
