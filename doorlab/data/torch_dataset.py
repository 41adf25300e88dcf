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
    """The doors of one split, read on access.

    No data is read before the first access, and every process opens the files itself, so a
    DataLoader may use forked or spawned workers. An item has one tensor per array:

        door      int64, index of the door in the dataset
        images    uint8 (M, C, H, W), RGB
        actions   float32 (J, A), normalized
        rewards   float32 (J,)

    and any other requested arrays of `doorlab.data.ARRAYS`, as they are stored.

    Attributes:
        dataset: the dataset that doors are read from.
        split: train, validation or test.
        arrays: names of the arrays of an item, besides `door`.
        indices: int64, ascending: indices of the split's doors in the dataset.
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
                DatasetError: if the dataset is missing or incomplete, or lacks an array.
        """
        self.dataset = path if isinstance(path, DoorDataset) else DoorDataset.open(path)
        self.split, self.arrays = split, tuple(arrays)
        if split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
        for name in self.arrays:
            self.dataset.require(name)
        self.indices = np.flatnonzero(split_of_doors(self.dataset.config) == SPLITS.index(split))

    def __len__(self) -> int:
        """Number of doors in the split."""
        return len(self.indices)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """The door at position `index` of the split. Raises IndexError if there are fewer doors."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """Reads several doors at once; DataLoader calls this method for batches."""
        doors = self.indices[np.asarray(indices, dtype=np.int64)]
        columns = {name: self._read(name, doors) for name in self.arrays}
        columns["door"] = torch.from_numpy(doors)
        return [
            {name: column[row] for name, column in columns.items()} for row in range(len(doors))
        ]

    def __repr__(self) -> str:
        """Class, path, split, number of doors and arrays."""
        arrays = ", ".join(self.arrays)
        where = f"{str(self.dataset.path)!r}, {self.split!r}"
        return f"{type(self).__name__}({where}, {len(self)} doors, arrays: {arrays})"

    def _read(self, name: str, doors: np.ndarray) -> Tensor:
        values = torch.from_numpy(self.dataset.read(name, doors))
        return values.movedim(-1, -3) if name == "images" else values
