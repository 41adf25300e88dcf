"""Images of doors in memory or on disk.

In memory they are a tensor. On disk they are an `ImagesOnDisk`, which reads the requested frames.
Both return the same values, so that a training run has the same batches with either.

Legend: D doors, M frames of a door, C color channels, H, W pixels; B doors of a batch.
"""

from __future__ import annotations

from math import prod
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from doorlab.data.dataset import DoorDataset

_READ_BYTES = 2**26  # decoded images read at once; limits the memory besides the result


class ImagesOnDisk:
    """The images of some doors of a dataset, read on access.

    It has the part of the interface of a tensor (D, M, C, H, W) that training uses: `shape`,
    `device`, `len`, and slices of doors, which read.

    Attributes:
        device: device of the tensors that are read.
    """

    def __init__(
        self, dataset: DoorDataset, doors: np.ndarray, device: torch.device | str = "cpu"
    ) -> None:
        """Images of the doors with the indices `doors`, int64 (D,), in this order."""
        self._dataset, self._doors, self.device = dataset, doors, torch.device(device)
        size = dataset.image_size
        self.shape = torch.Size((len(doors), dataset.frames, 3, size, size))
        self._doors_at_once = max(1, _READ_BYTES // max(1, prod(self.shape[1:])))

    def __len__(self) -> int:
        """D, the number of doors."""
        return len(self._doors)

    def __getitem__(self, doors: slice) -> UInt8[Tensor, "_ M C H W"]:
        """Reads all images of consecutive doors."""
        chosen = self._doors[doors]
        images = torch.empty((len(chosen), *self.shape[1:]), dtype=torch.uint8, device=self.device)
        for first in range(0, len(chosen), self._doors_at_once):
            part = self._read(chosen[first : first + self._doors_at_once])
            images[first : first + len(part)] = part.to(self.device).permute(0, 1, 4, 2, 3)
        return images

    def __repr__(self) -> str:
        """Class, dataset and shape."""
        return f"{type(self).__name__}({self._dataset!r}, shape={tuple(self.shape)})"

    def first(self, count: int) -> ImagesOnDisk:
        """The images of the first `count` doors, without reading them."""
        return ImagesOnDisk(self._dataset, self._doors[:count], self.device)

    def gather(
        self, rows: Int64[Tensor, " B"], picks: Int64[Tensor, "B M"]
    ) -> UInt8[Tensor, "B M C H W"]:
        """Reads the images with indices `picks` of the doors at `rows`; each door is read once."""
        found = torch.empty((*picks.shape, *self.shape[2:]), dtype=torch.uint8)
        doors, door_of = np.unique(self._doors[rows.numpy()], return_inverse=True)
        for first in range(0, len(doors), self._doors_at_once):
            images = self._read(doors[first : first + self._doors_at_once])
            here = np.flatnonzero((door_of >= first) & (door_of < first + len(images)))
            chosen = images[torch.from_numpy(door_of[here] - first)[:, None], picks[here]]
            found[here] = chosen.permute(0, 1, 4, 2, 3)
        return found.to(self.device)

    def _read(self, doors: np.ndarray) -> UInt8[Tensor, "_ M H W C"]:
        return torch.from_numpy(self._dataset.read("images", doors))


Images: TypeAlias = UInt8[Tensor, "_ _ C H W"] | ImagesOnDisk  # doors, frames of a door


def first_images(images: Images, count: int) -> Images:
    """The images of the first `count` doors. Images on disk are not read."""
    return images.first(count) if isinstance(images, ImagesOnDisk) else images[:count]


def gather_images(
    images: Images, rows: Int64[Tensor, " B"], picks: Int64[Tensor, "B M"]
) -> UInt8[Tensor, "B M C H W"]:
    """The images with indices `picks` of the doors at `rows` (both on the CPU)."""
    if isinstance(images, ImagesOnDisk):
        return images.gather(rows, picks)
    flat = (rows[:, None] * images.shape[1] + picks).flatten().to(images.device)
    # One gather of whole frames is several times faster than indexing two axes.
    chosen = images.flatten(0, 1).index_select(0, flat)
    return chosen.view(*picks.shape, *chosen.shape[1:])
