"""Fits the density of a model's latent over its training doors, after training.

`models.latent_density` says what it is for.

Legend: D doors, M frames per door, N latents, Z dimensions of a latent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from doorlab.data.tensors.batches import DoorData
from doorlab.learning.config import LearningConfig
from doorlab.models.encoders.base import FitsLatentDensity
from doorlab.models.io import checksum_of
from doorlab.models.latent_density import fit_latent_density, save_latent_density
from doorlab.nn.images import to_float
from doorlab.run_layout import LATENT_DENSITY_FILE

_MOST_DOORS = 5_000  # training doors that the density is fitted to
_MOST_HELD_OUT = 1_000  # validation doors that choose the number of Gaussians
_FEWEST_DOORS = 20  # a density of fewer doors would say little
_DOORS_AT_ONCE = 32


def write_latent_density(
    config: LearningConfig,
    model: Any,
    train: DoorData,
    held_out: DoorData | None,
    *,
    mirror: bool,
) -> None:
    """Writes the density into the folder of a run after its training.

    Models without a latent to fit (`FitsLatentDensity`), and runs with fewer than 20 training
    doors, get no file.

    Args:
        config: of the run.
        model: with its final weights, in evaluation mode.
        train: doors that the model was trained on, or doors of the same prior.
        held_out: doors that it was not trained on.
        mirror: whether the model was trained on mirror images, too.
    """
    (config.out / LATENT_DENSITY_FILE).unlink(missing_ok=True)
    weights = checksum_of(model)
    if not isinstance(model, FitsLatentDensity) or len(train) < _FEWEST_DOORS:
        return
    fitted = _latents(model, train, _MOST_DOORS, mirror)
    others = np.zeros((0, fitted.shape[1]), np.float32)
    if held_out is not None:
        others = _latents(model, held_out, _MOST_HELD_OUT, mirror)
    density = fit_latent_density(
        model.density_latent,
        min(len(train), _MOST_DOORS),
        fitted,
        others,
        mirrored=mirror,
        seed=config.seed,
    )
    save_latent_density(config.out, density, weights)


@torch.no_grad()
def _latents(model: Any, doors: DoorData, most: int, mirror: bool) -> np.ndarray:
    """Latents float32 (N, Z) of the first doors, and of their mirror images."""
    parts = []
    for first in range(0, min(most, len(doors)), _DOORS_AT_ONCE):
        x = to_float(doors.images[first : min(most, first + _DOORS_AT_ONCE)])
        views = [x, x.flip(-1)] if mirror else [x]
        parts += [model.density_latents(view).cpu().numpy() for view in views]
    return np.concatenate(parts)
