"""Training batches: the tensors of a split, and random sets of frames and interactions.

All randomness comes from an explicit CPU `torch.Generator`, so that restoring the generator's
state resumes a run exactly, on any device.

Legend: D doors, M frames, J interactions per door; B doors in a batch, C color channels, H, W
pixels; N context interactions, T target interactions, A action dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import ARRAYS
from doorlab.data.tensors.images import ImagesOnDisk, first_images, gather_images
from doorlab.errors import ConfigError, DatasetError
from doorlab.nn.context_sets import ContextTargetBatch, InteractionSet, RewardBatch
from doorlab.nn.images import to_float


@dataclass(frozen=True)
class DoorData:
    """The doors of one split as tensors on one device; the images may be on disk.

    Imported footage contains images only: J is 0, and arrays without data are NaN.
    """

    images: UInt8[Tensor, "D M C H W"] | ImagesOnDisk
    """Passive frames, RGB."""
    joint_position: Float32[Tensor, "D M"]
    """Joint position in every frame, rad (m for sliding doors)."""
    actions: Float32[Tensor, "D J A"]
    """Normalized actions."""
    rewards: Float32[Tensor, "D J"]
    """Rewards of the actions."""
    optimal_reward: Float32[Tensor, " D"]
    """Reward of the oracle's action."""
    indices: Int64[Tensor, " D"]
    """Indices of the doors in the dataset (on the CPU)."""

    @staticmethod
    def load(
        dataset: DoorDataset,
        split: str,
        device: torch.device | str = "cpu",
        limit: int | None = None,
        keep_in_memory: bool = True,
    ) -> DoorData:
        """Loads the first `limit` doors of a split (None: all doors) onto `device`.

        Doors are sampled independently, so the first ones are a random subset, and a smaller
        subset is part of every larger one. Without `keep_in_memory`, images stay on disk and are
        read on access. Raises DatasetError if the split is too small.
        """
        doors = dataset.indices(split)
        if len(doors) < max(1, limit or 0):
            raise DatasetError(
                f"at least {max(1, limit or 0)} {split} doors in {dataset.path}",
                f"{len(doors)}",
                "generate more doors, or use fewer",
            )
        doors = doors[:limit]

        def tensor(name: str) -> Tensor:
            return torch.from_numpy(_known(dataset, name, doors)).to(device)

        on_disk = ImagesOnDisk(dataset, doors, device)
        return DoorData(
            images=on_disk[:] if keep_in_memory else on_disk,
            joint_position=tensor("joint_position"),
            actions=tensor("actions"),
            rewards=tensor("rewards"),
            optimal_reward=tensor("optimal_reward"),
            indices=torch.from_numpy(doors),
        )

    def __len__(self) -> int:
        """D, the number of doors."""
        return len(self.images)

    def first(self, count: int) -> DoorData:
        """The first `count` doors. Tensors share their memory; images on disk are not read."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "images"}
        shorter = {name: tensor[:count] for name, tensor in tensors.items()}
        return DoorData(images=first_images(self.images, count), **shorter)


def sample_frames(
    doors: DoorData, batch: int, frames: int, generator: torch.Generator
) -> Float[Tensor, "B M C H W"]:
    """Samples `batch` doors (with repeats) and `frames` different frames of each, in [0, 1]."""
    return sample_frames_of(doors, sample_door_indices(doors, batch, generator), frames, generator)


def sample_interactions(
    doors: DoorData,
    batch: int,
    frames: int,
    generator: torch.Generator,
    context: int = 10,
    targets: int = 16,
    empty_context_prob: float = 0.0,
) -> RewardBatch:
    """Samples doors (with repeats), their frames, and interactions as in `sample_context_target`.

    The frames are as stored, uint8: `RewardBatch.with_float_frames` prepares them for a model.

    Raises ConfigError if the dataset has too few interactions or frames.
    """
    rows = sample_door_indices(doors, batch, generator)
    return sample_interactions_of(
        doors, rows, frames, generator, context, targets, empty_context_prob
    )


def sample_interactions_of(
    doors: DoorData,
    rows: Int64[Tensor, " B"],
    frames: int,
    generator: torch.Generator,
    context: int = 10,
    targets: int = 16,
    empty_context_prob: float = 0.0,
) -> RewardBatch:
    """Samples frames, as stored, and interactions, for the doors at `rows`.

    For the arguments and errors see `sample_interactions`.
    """
    batch = sample_context_target(doors, rows, generator, context, targets, empty_context_prob)
    return RewardBatch(**vars(batch), x_BMCHW=sample_images_of(doors, rows, frames, generator))


def sample_context_target(
    doors: DoorData,
    rows: Int64[Tensor, " B"],
    generator: torch.Generator,
    context: int = 10,
    targets: int = 16,
    empty_context_prob: float = 0.0,
) -> ContextTargetBatch:
    """Splits the interactions of the doors at `rows` randomly into context and target sets.

    With probability `empty_context_prob` a door gets an empty context set, so that its frames are
    the only information about it. Otherwise the context size is uniform between 0 and `context`.
    Every door gets `targets` target interactions, which are not in its context set.

    Raises ConfigError if the dataset has too few interactions.
    """
    total, batch = doors.actions.shape[1], len(rows)
    if context < 0 or targets < 1 or context + targets > total:
        raise ConfigError(
            f"context + targets within the {total} interactions of a door, targets at least 1",
            f"{context} + {targets}",
            "use smaller sets, or generate more with --interactions",
        )
    picks = _sample_without_replacement(batch, total, context + targets, generator)
    sizes = torch.randint(context + 1, (batch, 1), generator=generator)
    sizes = sizes * (torch.rand(batch, 1, generator=generator) >= empty_context_prob)
    mask = (torch.arange(context) < sizes).to(doors.actions.device)
    rows, picks = rows.to(doors.actions.device), picks.to(doors.actions.device)
    actions, rewards = doors.actions[rows[:, None], picks], doors.rewards[rows[:, None], picks]
    return ContextTargetBatch(
        context=InteractionSet(
            actions[:, :context] * mask[..., None], rewards[:, :context] * mask, mask
        ),
        at_BTA=actions[:, context:],
        rt_BT=rewards[:, context:],
    )


def sample_door_indices(
    doors: DoorData, batch: int, generator: torch.Generator
) -> Int64[Tensor, " B"]:
    """Indices of `batch` random doors (with repeats), on the CPU."""
    return torch.randint(len(doors), (batch,), generator=generator)


def _known(dataset: DoorDataset, name: str, doors: np.ndarray) -> np.ndarray:
    """Reads an array; returns NaN in the same shape if the dataset does not have it."""
    if name in dataset.config.arrays():
        return dataset.read(name, doors)
    spec, size = ARRAYS[name], dataset.image_size
    shape = spec.shape(len(doors), dataset.frames, dataset.interactions, size)
    return np.full(shape, np.nan, dtype=spec.dtype)


def _sample_without_replacement(
    batch: int, total: int, count: int, generator: torch.Generator
) -> Int64[Tensor, "B K"]:
    return torch.rand(batch, total, generator=generator).argsort(dim=1)[:, :count]


def sample_frames_of(
    doors: DoorData, rows: Int64[Tensor, " B"], frames: int, generator: torch.Generator
) -> Float[Tensor, "B M C H W"]:
    """Samples `frames` different frames of each of the doors at `rows`, in [0, 1].

    Raises ConfigError if the dataset has too few frames.
    """
    return to_float(sample_images_of(doors, rows, frames, generator))


def sample_images_of(
    doors: DoorData, rows: Int64[Tensor, " B"], frames: int, generator: torch.Generator
) -> UInt8[Tensor, "B M C H W"]:
    """The frames of `sample_frames_of` as they are stored, in a quarter of the memory."""
    picks = sample_frame_indices(doors, len(rows), frames, generator)
    return gather_images(doors.images, rows, picks)


def sample_frame_indices(
    doors: DoorData, batch: int, frames: int, generator: torch.Generator
) -> Int64[Tensor, "B M"]:
    """Samples frame indices for `batch` doors: `frames` different ones each, on the CPU.

    Raises ConfigError if the dataset has too few frames.
    """
    total = doors.images.shape[1]
    if not 1 <= frames <= total:
        raise ConfigError(
            f"between 1 and {total} frames per door", f"{frames}", "generate more with --frames"
        )
    return _sample_without_replacement(batch, total, frames, generator)
