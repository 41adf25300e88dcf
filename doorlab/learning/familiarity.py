"""Statistics of the embeddings of training doors, measured after training.

A robot uses them to detect unfamiliar doors: see `models.familiarity`.

Legend: D doors, M frames per door, E embedding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from doorlab.data.tensors.batches import DoorData, sample_frames_of
from doorlab.data.tensors.stream import DoorStream, StreamSpec
from doorlab.learning.config import LearningConfig
from doorlab.models.embedding import embed_all
from doorlab.models.familiarity import fit_familiarity, save_familiarity
from doorlab.models.io import checksum_of
from doorlab.run_layout import FAMILIARITY_FILE
from doorlab.training.loop import generator_for

_TYPICAL_DOORS = 500  # maximum number of training doors that define the distances
_FRESH_DOORS = 300  # number of such doors in online runs, sampled for this purpose
_HELD_OUT_DOORS = 100  # maximum number of held-out doors that define the thresholds
_FEWEST_HELD_OUT = 20  # with fewer doors, thresholds would be unreliable
_MOST_FRAMES = 8  # maximum number of frames per door with a threshold of its own
_DOORS_AT_ONCE = 16


def write_familiarity(
    config: LearningConfig,
    model: Any,
    typical: DoorData,
    held_out: DoorData | None,
    prior: str,
) -> None:
    """Writes the statistics into the folder of a run after its training.

    Args:
        config: config of the run.
        model: with its final weights, in evaluation mode.
        typical: doors that the model may have been trained on.
        held_out: doors of the same prior that it was not trained on. With fewer than 20 of them,
            nothing is written.
        prior: prior of all these doors.
    """
    (config.out / FAMILIARITY_FILE).unlink(missing_ok=True)
    if held_out is None or len(held_out) < _FEWEST_HELD_OUT:
        return
    most = min(held_out.images.shape[1], _MOST_FRAMES)
    by_frames = [_embedded(model, held_out, m, config.seed) for m in range(1, most + 1)]
    everything = embed_all(model, typical.first(_TYPICAL_DOORS).images).cpu().numpy()
    found = fit_familiarity(f"doors of the prior {prior}", everything, by_frames)
    save_familiarity(config.out, found, checksum_of(model))


def fresh_doors_to_compare(
    config: LearningConfig, device: torch.device
) -> tuple[DoorData, DoorData]:
    """Typical doors and held-out doors for an online run; no training step uses them."""
    doors = DoorStream(config.stream, config.seed, device)
    parts = {"familiar": _FRESH_DOORS, "held out": _HELD_OUT_DOORS}
    frames = config.stream.sequence_length
    wanted = [StreamSpec(name, count, frames, 0) for name, count in parts.items()]
    (typical,), (held_out,) = (doors.draw(part, range(1)) for part in wanted)
    return typical, held_out


@torch.no_grad()
def _embedded(model: Any, doors: DoorData, frames: int, seed: int) -> np.ndarray:
    """Embeddings float32 (D, E), from `frames` random frames of each door."""
    generator = generator_for(seed, "familiarity", frames)
    rows = torch.arange(min(len(doors), _HELD_OUT_DOORS))
    return np.concatenate(
        [
            model.embed(sample_frames_of(doors, some, frames, generator)).cpu().numpy()
            for some in rows.split(_DOORS_AT_ONCE)
        ]
    )
