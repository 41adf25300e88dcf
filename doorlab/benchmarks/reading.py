"""Speed of reading frames: training batches, and decoding of compressed frames.

Training keeps a decoded split in memory; `read_vs_memmap` compares its batches with batches from
a memory-mapped file of raw pixels. `decode_vs_memmap` compares reading doors from compressed
shards, as when a split is loaded.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch

from doorlab.benchmarks.timing import paired_rates, rates
from doorlab.data.dataset import DoorDataset
from doorlab.data.shards import CODECS, decode_images, encode_images
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.data.tensors.batches import DoorData, sample_frames
from doorlab.data.writer import write_dataset
from doorlab.intervals import Estimate, bootstrap_mean
from doorlab.seeding import stream

_BATCH, _FRAMES, _BATCHES = 32, 3, 40
_CODEC_DOORS = 64
_CONFIG = GenerationConfig(
    doors=384, prior="default", interactions=0, videos=0, simulator="pybullet"
)


def batches(rounds: int) -> dict[str, Estimate]:
    """Frames per second in random batches of 32 doors x 3 frames of 64 x 64, as floats."""
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder, "dataset"), _CONFIG, workers=0)
        dataset = DoorDataset.open(Path(folder, "dataset"))
        file = Path(folder, "raw.npy")
        np.save(file, dataset.read("images"))
        raw = np.load(file, mmap_mode="r")
        return _against_memmap(dataset, raw, rounds)


def _against_memmap(dataset: DoorDataset, raw: np.ndarray, rounds: int) -> dict[str, Estimate]:
    doors, rng = DoorData.load(dataset, "train"), stream(0, "bench", "reading")
    generator, train = torch.Generator().manual_seed(0), dataset.indices("train")

    def ours() -> int:
        for _ in range(_BATCHES):
            sample_frames(doors, _BATCH, _FRAMES, generator)
        return _BATCHES * _BATCH * _FRAMES

    def mapped() -> int:
        for _ in range(_BATCHES):
            rows = rng.choice(train, _BATCH)
            picks = np.argsort(rng.random((_BATCH, raw.shape[1])), axis=1)[:, :_FRAMES]
            frames = torch.from_numpy(raw[rows[:, None], picks])
            frames.permute(0, 1, 4, 2, 3).float().div_(255.0)
        return _BATCHES * _BATCH * _FRAMES

    def decoded() -> int:
        for _ in range(_BATCHES // 4):
            dataset.read("images", rng.choice(train, _BATCH))
        return _BATCHES // 4 * _BATCH * raw.shape[1]

    def copied() -> int:
        for _ in range(_BATCHES // 4):
            np.ascontiguousarray(raw[rng.choice(train, _BATCH)])
        return _BATCHES // 4 * _BATCH * raw.shape[1]

    batch_speed, _, ratio = paired_rates(ours, mapped, rounds)
    decode_speed, _, decode_ratio = paired_rates(decoded, copied, rounds)
    return {
        "batch_frames_per_s": batch_speed,
        "read_vs_memmap": ratio,
        "decoded_frames_per_s": decode_speed,
        "decode_vs_memmap": decode_ratio,
    }


def codecs(rounds: int) -> dict[str, Estimate]:
    """Bytes on disk per 64 x 64 frame, and decoded frames per second, by codec."""
    from doorlab.benchmarks.simulation import sample_doors, sample_views
    from doorlab.sim import make_simulator

    doors = sample_doors(_CODEC_DOORS)
    simulator = make_simulator("pybullet")
    images = simulator.render(doors, *sample_views(doors), 64).images
    simulator.close()
    frames, figures = images.shape[0] * images.shape[1], {}
    for name in CODECS:
        files = encode_images(images, name)
        size = sum(len(data) for data in files.values()) / frames
        figures[f"{name}_bytes_per_frame"] = bootstrap_mean(np.array([size]))
        figures[f"{name}_frames_per_s"] = rates(partial(_decode, files), rounds)
    return figures


def _decode(files: dict[str, bytes]) -> int:
    images = decode_images(files)
    return images.shape[0] * images.shape[1]
