"""Training with images on disk, compared with images in memory.

`on_disk_vs_memory` compares batches alone; `pretrain_on_disk_vs_memory` compares the loop of
`doorlab pretrain`, in which threads read the batches on disk ahead of the training.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch

from doorlab.benchmarks.timing import paired, paired_rates
from doorlab.data.dataset import DoorDataset
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.data.tensors.batches import DoorData, sample_frames
from doorlab.data.writer import write_dataset
from doorlab.intervals import Estimate
from doorlab.learning.pretraining_set import PretrainingSet
from doorlab.learning.training_doors import batches_ahead
from doorlab.models.architecture import Architecture
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.nn.images import to_float
from doorlab.training import TrainConfig, fit, make_fabric, single_phase
from doorlab.training.loop import generator_for

_BATCH, _FRAMES, _BATCHES, _STEPS, _SIZE = 16, 8, 40, 20, 64
_CONFIG = GenerationConfig(doors=1400, interactions=0, videos=0, simulator="pybullet")


def on_disk(rounds: int) -> dict[str, Estimate]:
    """Batches and training steps per second, 16 doors x 8 frames of 64 x 64, on the CPU."""
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder, "dataset"), _CONFIG, workers=0)
        return measured(DoorDataset.open(Path(folder, "dataset")), rounds)


def measured(dataset: DoorDataset, rounds: int) -> dict[str, Estimate]:
    """The measurement of `on_disk` for a dataset with 8 or more frames of 64 x 64 pixels."""
    disk, memory = (DoorData.load(dataset, "train", keep_in_memory=kept) for kept in (False, True))
    rates = paired_rates(partial(_batches, disk), partial(_batches, memory), rounds)
    steps = [partial(_steps_per_s, doors) for doors in (disk, memory)]
    for warm_up in steps:
        warm_up()
    names = (
        "on_disk_batches_per_s", "memory_batches_per_s", "on_disk_vs_memory",
        "pretrain_on_disk_steps_per_s", "pretrain_memory_steps_per_s",
        "pretrain_on_disk_vs_memory",
    )  # fmt: skip
    return dict(zip(names, (*rates, *paired(steps[0], steps[1], rounds)), strict=True))


def _batches(doors: DoorData) -> int:
    for step in range(_BATCHES):
        sample_frames(doors, _BATCH, _FRAMES, generator_for(0, "bench", step))
    return _BATCHES


def _steps_per_s(doors: DoorData) -> float:
    fabric = make_fabric("cpu")
    torch.manual_seed(0)
    model = NeuralStatistician(_SIZE, Architecture())
    task = single_phase(
        "statistician",
        partial(PretrainingSet(doors).batch, _FRAMES, True),
        _loss,
        _BATCH,
        batches_ahead(doors),
    )
    with tempfile.TemporaryDirectory() as folder:
        return _STEPS / fit(fabric, model, task, TrainConfig(steps=_STEPS), Path(folder)).seconds


def _loss(model: Any, batch: tuple[Any, ...]) -> Any:
    stored_BMCHW, *labels = batch
    return model.loss(to_float(stored_BMCHW), *labels)
