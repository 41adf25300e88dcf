"""Parameters of doors and cameras as tensors on a device.

Shapes: D doors, M views per door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from doorlab.doors.arrays import doors_to_arrays
from doorlab.doors.camera import View
from doorlab.doors.door import CATEGORIES, Door


@dataclass(frozen=True)
class DoorParams:
    """Parameters of D doors, one tensor per field.

    Attributes:
        fields: by the names in `doors.FIELDS`, first axis D. Numbers share one floating dtype,
            categories are int64 indices in `doors.CATEGORIES`, `locked` is bool, `latch_direction`
            floating. Units are those of `Door`.
    """

    fields: Mapping[str, Tensor]

    @staticmethod
    def from_doors(
        doors: Sequence[Door],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> DoorParams:
        """Copies the fields of doors to a device."""
        return DoorParams.from_arrays(doors_to_arrays(doors), device, dtype)

    @staticmethod
    def from_arrays(
        arrays: Mapping[str, np.ndarray],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> DoorParams:
        """Copies arrays in the format of `doors.doors_to_arrays` to a device."""

        def tensor(name: str, column: np.ndarray) -> Tensor:
            if name in CATEGORIES:
                return torch.as_tensor(column.astype(np.int64), device=device)
            if name == "locked":
                return torch.as_tensor(column, device=device)
            return torch.from_numpy(column.astype(np.float64)).to(device, dtype)

        return DoorParams({name: tensor(name, column) for name, column in arrays.items()})

    def __getitem__(self, name: str) -> Tensor:
        return self.fields[name]

    def __len__(self) -> int:
        return len(self.fields["width"])

    def take(self, rows: slice | Tensor) -> DoorParams:
        """The doors at `rows`."""
        return DoorParams({name: column[rows] for name, column in self.fields.items()})

    def is_(self, name: str, category: str) -> Tensor:
        """Bool (D,): whether a categorical field has the value `category`."""
        return self.fields[name] == CATEGORIES[name].index(category)

    def sign(self, name: str, positive: str) -> Tensor:
        """(D,): 1 where a categorical field has the value `positive`, -1 elsewhere."""
        return 2.0 * self.is_(name, positive).to(self.fields["width"].dtype) - 1.0

    @property
    def slides(self) -> Tensor:
        """Bool (D,): whether the doors slide."""
        return self.is_("mechanism", "sliding")

    @property
    def side_sign(self) -> Tensor:
        """(D,): +1 if the hinge is to the right of the handle, -1 if left (`Door.side_sign`)."""
        return self.sign("hinge_side", "right")

    @property
    def swing_sign(self) -> Tensor:
        """(D,): +1 for pull doors, -1 for push doors (`Door.swing_sign`)."""
        return self.sign("swing", "pull")

    @property
    def handle_radius(self) -> Tensor:
        """(D,), m: distance from the hinge axis to the handle's axis (`Door.handle_radius`)."""
        return self.fields["width"] - self.fields["backset"]

    @property
    def joint_inertia(self) -> Tensor:
        """(D,), kg m^2, for sliding doors kg: inertia of the joint (`Door.joint_inertia`)."""
        mass, width = self.fields["mass"], self.fields["width"]
        plate = mass * (width * width + self.fields["thickness"] ** 2) / 3
        return torch.where(self.slides, mass, plate)


def choose(condition: Tensor, one: float, other: float, like: Tensor) -> Tensor:
    """`one` where the condition holds, else `other`, in the dtype of `like`.

    With two numbers `torch.where` would return the default dtype, which users can change.
    """
    return torch.where(condition, like.new_full((), one), other)


def view_tensor(
    views: Sequence[Sequence[View]],
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """(D, M, 7): eye, target, field of view, as in `View.to_array`."""
    rows = [[(*v.eye, *v.target, v.field_of_view) for v in of_door] for of_door in views]
    values = np.asarray(rows, np.float64).reshape(len(rows), -1, 7)
    return torch.from_numpy(values).to(device, dtype)
