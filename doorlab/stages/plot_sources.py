"""What figures are drawn from: a run's dataset, models and results, opened when first asked for.

Legend: D doors, M frames per door, H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.data.schema import door_array
from doorlab.doors import Door
from doorlab.files import read_json
from doorlab.models.description import read_description
from doorlab.models.registry import STATISTICIANS
from doorlab.report.run_files import model_runs
from doorlab.report.style import HEADLINE, Figure, in_order
from doorlab.stages.frozen import FrozenModel

_ANY_PARAMETER = door_array("hinge_side")


class Missing(Exception):
    """The run lacks what a figure needs. Its text says what, and which command makes it."""


@dataclass(frozen=True)
class Drawing:
    """A figure, the arrays that it shows, and its numbers and words for the report."""

    figure: Figure
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


class Sources:
    """A run, read lazily. Properties raise Missing for what the run does not have."""

    def __init__(self, run: Path, data: Path, *, max_doors: int, seed: int, device: str) -> None:
        self.run, self.seed = run, seed
        self.device, self._data, self._max_doors = device, data, max_doors

    @cached_property
    def dataset(self) -> DoorDataset:
        """The dataset."""
        if not self._data.exists():
            raise Missing(f"there is no dataset at {self._data}: `doorlab generate` makes one")
        return DoorDataset.open(self._data)

    @property
    def checksum(self) -> str | None:
        """Of the dataset; None when there is none."""
        try:
            return self.dataset.checksum
        except Missing:
            return None

    @cached_property
    def indices(self) -> np.ndarray:
        """(D,) held-out doors."""
        indices = self.dataset.indices("test")[: self._max_doors]
        if not len(indices):
            raise Missing("the dataset has no test doors: `doorlab generate` with more --doors")
        return indices

    @cached_property
    def images(self) -> np.ndarray:
        """uint8 (D, M, H, W, 3) of the held-out doors."""
        return self.dataset.read("images", self.indices)

    @property
    def doors_are_known(self) -> bool:
        """Whether the dataset has the parameters of its doors: footage does not."""
        return _ANY_PARAMETER in self.dataset.config.arrays()

    @cached_property
    def doors(self) -> list[Door]:
        """The held-out doors."""
        self._need(_ANY_PARAMETER, "parameters of doors")
        return self.dataset.doors(self.indices)

    def read(self, name: str) -> np.ndarray:
        """An array of `data.schema.ARRAYS` for the held-out doors."""
        self._need(name, name)
        return self.dataset.read(name, self.indices)

    @cached_property
    def pretrained(self) -> dict[str, FrozenModel]:
        """Models of `doorlab pretrain`, by kind."""
        return self._models("pretrain")

    def pretrained_that(self, can: str) -> dict[str, FrozenModel]:
        """Those of them that have the method `can`: not every model makes pictures."""
        found = {k: m for k, m in self.pretrained.items() if hasattr(m.network, can)}
        if not found:
            raise Missing(f"none of its models can {can}: `doorlab pretrain` makes a statistician")
        return found

    @cached_property
    def reward_models(self) -> dict[str, FrozenModel]:
        """Models of `doorlab train`, by kind."""
        return self._models("train")

    @property
    def headline_model(self) -> FrozenModel:
        """The reward model that the report is about."""
        models = self.reward_models
        return models[HEADLINE if HEADLINE in models else in_order(models)[0]]

    @property
    def statistician(self) -> FrozenModel:
        """The model with a context latent; the contrastive one, if there are two."""
        found = [self.pretrained[kind] for kind in STATISTICIANS if kind in self.pretrained]
        if not found:
            raise Missing("the run has no statistician: `doorlab pretrain` makes one")
        return found[0]

    def result(self, name: str, stage: str) -> dict[str, Any]:
        """A result file of the run."""
        if not (self.run / name).exists():
            raise Missing(f"there is no {name}: `doorlab {stage}` makes it")
        return read_json(self.run / name)

    def _need(self, name: str, what: str) -> None:
        config = self.dataset.config
        if name not in config.arrays():
            raise Missing(f"the dataset has no {what}, it is {config.origin}")

    def _models(self, stage: str) -> dict[str, FrozenModel]:
        runs = [folder for part, folder in model_runs(self.run) if part == stage]
        if not runs:
            raise Missing(f"there are no models in {stage}/: `doorlab {stage}` makes them")
        found = {read_description(folder).kind: folder for folder in runs}
        return {
            kind: FrozenModel.open(found[kind], self.dataset, self.device)
            for kind in in_order(found)
        }
