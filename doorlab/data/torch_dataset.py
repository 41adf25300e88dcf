"""A dataset for `torch.utils.data.DataLoader`: one item is one door.

Legend: M frames, J interactions, A action dimensions, C color channels, H, W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from doorlab.data.config import split_of_doors
from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import SPLITS
from doorlab.errors import unknown_name


class TorchDoorDataset(Dataset[dict[str, Tensor]]):
    """The doors of one split, read when they are asked for.

    Nothing is read before the first item, and every process opens the files for itself: a
    DataLoader may have workers, forked or spawned. An item has one tensor per array:

        door      int64, the number of the door in the dataset
        images    uint8 (M, C, H, W), RGB
        actions   float32 (J, A), normalized
        rewards   float32 (J,)

    and whatever other arrays of `doorlab.data.ARRAYS` are asked for, as they are stored.

    Attributes:
        dataset: where the doors are read from.
        split: train, validation or test.
        arrays: what an item holds beside the number of its door.
        indices: int64, ascending: the numbers of the doors.
    """

    def __init__(
        self,
        path: str | Path | DoorDataset,
        split: str = "train",
        arrays: Sequence[str] = ("images", "actions", "rewards"),
    ) -> None:
        """Opens the dataset in the folder `path`.

        Raises:
            ConfigError: for an unknown split or array.
            DatasetError: for a dataset that is missing or incomplete, or has no such array.
        """
        self.dataset = path if isinstance(path, DoorDataset) else DoorDataset.open(path)
        self.split, self.arrays = split, tuple(arrays)
        if split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
        for name in self.arrays:
            self.dataset.require(name)
        self.indices = np.flatnonzero(split_of_doors(self.dataset.config) == SPLITS.index(split))

    def __len__(self) -> int:
        """Number of doors."""
        return len(self.indices)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """The door number `index` of the split; raises IndexError when there are fewer."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """Several doors, read at once: what a DataLoader asks for."""
        doors = self.indices[np.asarray(indices, dtype=np.int64)]
        columns = {name: self._read(name, doors) for name in self.arrays}
        columns["door"] = torch.from_numpy(doors)
        return [
            {name: column[row] for name, column in columns.items()} for row in range(len(doors))
        ]

    def __repr__(self) -> str:
        """What it holds, and of how many doors."""
        arrays = ", ".join(self.arrays)
        where = f"{str(self.dataset.path)!r}, {self.split!r}"
        return f"{type(self).__name__}({where}, {len(self)} doors, arrays: {arrays})"

    def _read(self, name: str, doors: np.ndarray) -> Tensor:
        values = torch.from_numpy(self.dataset.read(name, doors))
        return values.movedim(-1, -3) if name == "images" else values
