"""The training doors of a dataset, with their images in memory or on disk.

The choice does not affect the batches, so a run may be resumed with the other choice.
"""

from __future__ import annotations

from math import prod

import torch

from doorlab.data.dataset import DoorDataset
from doorlab.data.tensors.batches import DoorData
from doorlab.data.tensors.images import ImagesOnDisk
from doorlab.learning.config import LearningConfig
from doorlab.runtime.available_memory import available_memory
from doorlab.terminal.text import print_note
from doorlab.training.fabric import Fabric

BATCHES_AHEAD = 4
"""Batches that are read from disk ahead of the training."""
_SHARE = 0.5  # largest fraction of the available memory for images; the rest is for training


def load_training_doors(
    config: LearningConfig, fabric: Fabric, dataset: DoorDataset, limit: int | None = None
) -> DoorData:
    """The first `limit` training doors (None: all), on the device of the run.

    Images are kept in memory or stay on disk, by `config.keep_in_memory`. One line says if they
    stay on disk. The first process decides for all. Raises DatasetError as `DoorData.load`.
    """
    kept = config.keep_in_memory == "always"
    if config.keep_in_memory == "auto":
        kept = fabric.broadcast(_fits(fabric, dataset, limit))
    doors = DoorData.load(dataset, "train", fabric.device, limit, keep_in_memory=kept)
    if not kept and fabric.is_global_zero:
        size = prod(doors.images.shape) / 1e6
        print_note(
            f"the images of {len(doors):,} training doors ({size:,.1f} MB) are read from disk "
            "during training. --keep-in-memory always keeps them in memory"
        )
    return doors


def batches_ahead(doors: DoorData) -> int:
    """Number of batches that the training loop computes ahead; 0 for doors in memory."""
    return BATCHES_AHEAD if isinstance(doors.images, ImagesOnDisk) else 0


def _fits(fabric: Fabric, dataset: DoorDataset, limit: int | None) -> bool:
    """Whether the images of the training doors fit into half of the free memory."""
    free = _free_memory(fabric)
    doors = limit or len(dataset.indices("train"))
    size = doors * dataset.frames * 3 * dataset.image_size**2
    return free is None or size <= _SHARE * free


def _free_memory(fabric: Fabric) -> int | None:
    """Free memory of the device for one process of the run, bytes; None if it is unknown."""
    if fabric.device.type == "cuda":
        return torch.cuda.mem_get_info(fabric.device)[0]
    free = available_memory()
    return None if free is None else free // fabric.world_size
