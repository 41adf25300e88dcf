"""Speed of pretraining: overhead of the training loop, and faster layouts and precisions.

`pretrain_vs_bare` compares images per second of the loop of `doorlab pretrain` (batches sampled
from doors in memory, mirrored, checked, logged) with forward pass, backward pass and optimizer step
of the same network on one fixed batch. The other results compare this bare step in other layouts
and precisions with the plain one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from doorlab.benchmarks.timing import paired, paired_rates, rate
from doorlab.data.tensors.augmentation import random_mirror
from doorlab.data.tensors.batches import DoorData, sample_frames
from doorlab.intervals import Estimate
from doorlab.models.architecture import Architecture
from doorlab.models.encoders.statistician import NeuralStatistician
from doorlab.runtime.compile_cache import private_compile_cache
from doorlab.training import TrainConfig, fit, make_fabric, single_phase
from doorlab.training.fabric import Fabric

_DOORS, _BATCH, _FRAMES, _SIZE, _STEPS = 256, 16, 8, 64, 20
_IMAGES = _BATCH * _FRAMES * _STEPS


def pretraining(rounds: int) -> dict[str, Estimate]:
    """Images per second of the statistician of `pretrain --preset small`, 64 x 64 pixels."""
    config = TrainConfig(steps=_STEPS)
    fabric = _fabric()
    doors = _doors(fabric.device)
    bare = _bare(fabric.device, doors)

    def ours() -> float:
        task = single_phase("statistician", partial(_batch, doors), _loss, _BATCH)
        with tempfile.TemporaryDirectory() as folder:
            done = fit(fabric, _network(fabric.device), task, config, Path(folder))
        return _IMAGES / done.seconds

    ours()
    bare()
    speed, bare_speed, ratio = paired(ours, partial(rate, bare), rounds)
    return {
        "pretrain_images_per_s": speed,
        "bare_pretrain_images_per_s": bare_speed,
        "pretrain_vs_bare": ratio,
    }


def arithmetic(rounds: int) -> dict[str, Estimate]:
    """The bare step with images in channels-last layout, in bfloat16, and compiled, as ratios."""
    device = _fabric().device
    doors = _doors(device)
    plain = _bare(device, doors)
    others = {
        "channels_last_vs_plain": _bare(device, doors, channels_last=True),
        "bf16_vs_float32": _bare(device, doors, bf16=True),
        "compiled_vs_eager": _bare(device, doors, compiled=True),
    }
    with private_compile_cache():
        return {name: paired_rates(other, plain, rounds)[2] for name, other in others.items()}


def _fabric() -> Fabric:
    """One process with one thread, on the best available device."""
    torch.set_num_threads(1)
    return make_fabric("cuda" if torch.cuda.is_available() else "cpu")


def _doors(device: torch.device) -> DoorData:
    """Doors with random pixels; pixel values do not affect the speed."""
    generator = torch.Generator().manual_seed(0)
    shape = (_DOORS, _FRAMES, 3, _SIZE, _SIZE)
    images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    return DoorData(
        images=images.to(device),
        joint_position=torch.zeros(_DOORS, _FRAMES),
        actions=torch.zeros(_DOORS, 0, 4),
        rewards=torch.zeros(_DOORS, 0),
        optimal_reward=torch.zeros(_DOORS),
        indices=torch.arange(_DOORS),
    )


def _network(device: torch.device) -> Any:
    torch.manual_seed(0)
    return NeuralStatistician(_SIZE, Architecture()).to(device)


def _batch(doors: DoorData, step: int, generator: torch.Generator, batch: int) -> Tensor:
    return random_mirror(sample_frames(doors, batch, _FRAMES, generator), generator)


def _loss(model: Any, frames: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    return model.loss(frames)


def _bare(
    device: torch.device,
    doors: DoorData,
    channels_last: bool = False,
    bf16: bool = False,
    compiled: bool = False,
) -> Callable[[], int]:
    """Makes a function that does `_STEPS` steps on one batch and returns the number of images."""
    model = _network(device)
    frames = sample_frames(doors, _BATCH, _FRAMES, torch.Generator().manual_seed(0))
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        flat = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        frames = flat.unflatten(0, (_BATCH, _FRAMES))
    loss = torch.compile(model.loss) if compiled else model.loss
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def steps() -> int:
        for _ in range(_STEPS):
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                value, _scalars = loss(frames)
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return _IMAGES

    return steps
