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
from doorlab.errors import DoorlabError
from doorlab.evaluation.trained_model import TrainedModel, by_kind
from doorlab.models.description import read_description
from doorlab.models.registry import STATISTICIANS, is_reward_model
from doorlab.plots.style import FOCUS_MODEL, Figure, sort_models
from doorlab.result_schemas import read_part, read_study
from doorlab.run_layout import RunFolders

_ANY_PARAMETER = door_array("hinge_side")


class MissingInput(Exception):
    """The runs lack what a figure needs. Its text says what, in a few words."""


class NotRun(MissingInput):
    """They have no result, or no model, of a stage."""

    def __init__(self, *stages: str) -> None:
        super().__init__(" or ".join(f"`doorlab {stage}`" for stage in stages) + " was not run")


@dataclass(frozen=True)
class Plot:
    """A figure, the arrays that it shows, and its numbers and words for the report."""

    figure: Figure
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


class PlotContext:
    """One run or several, read lazily. Properties raise Missing for what they do not have.

    Args:
        folders: where the parts of the runs lie.
        data: the dataset; None for that of the runs.
        max_doors: held-out doors to read, at most.
        seed: of what models sample.
        device: where models run.
    """

    def __init__(
        self, folders: RunFolders, data: Path | None, *, max_doors: int, seed: int, device: str
    ) -> None:
        self.folders, self.seed = folders, seed
        self.device, self._data, self._max_doors = device, data, max_doors

    @cached_property
    def dataset(self) -> DoorDataset:
        """The dataset."""
        path = self._data or self.folders.dataset()
        if path is None:
            raise MissingInput("no dataset was found, --data names one")
        return DoorDataset.open(path)

    @property
    def checksum(self) -> str | None:
        """Of the dataset; None when there is none."""
        try:
            return self.dataset.checksum
        except (MissingInput, DoorlabError):
            return None

    @property
    def simulator(self) -> str | None:
        """That made the dataset; None when there is none, or it was made by none."""
        try:
            return self.dataset.simulator
        except MissingInput:
            return None

    @cached_property
    def indices(self) -> np.ndarray:
        """(D,) held-out doors."""
        indices = self.dataset.indices("test")[: self._max_doors]
        if not len(indices):
            raise MissingInput("the dataset has no test doors")
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
    def pretrained(self) -> dict[str, TrainedModel]:
        """Models of `doorlab pretrain`, by kind."""
        return self._models("pretrain", rewards=False)

    def pretrained_that(self, mixin: type, verb: str) -> dict[str, TrainedModel]:
        """Those of them that have a mixin of `models.encoders.base`: not every model decodes."""
        found = {k: m for k, m in self.pretrained.items() if isinstance(m.network, mixin)}
        if not found:
            raise MissingInput(f"none of the models can {verb}")
        return found

    @cached_property
    def reward_models(self) -> dict[str, TrainedModel]:
        """Models of `doorlab train`, by kind."""
        return self._models("train", rewards=True)

    @property
    def headline_model(self) -> TrainedModel:
        """The reward model that the report is about."""
        models = self.reward_models
        return models[FOCUS_MODEL if FOCUS_MODEL in models else sort_models(models)[0]]

    @property
    def statistician(self) -> TrainedModel:
        """The model with a context latent; the contrastive one, if there are two."""
        found = [self.pretrained[kind] for kind in STATISTICIANS if kind in self.pretrained]
        if not found:
            raise MissingInput("there is no statistician")
        return found[0]

    def result(self, stage: str) -> dict[str, Any]:
        """The result of a stage out of `run_folders.RESULTS`."""
        file = self.folders.result(stage)
        if file is None:
            raise NotRun(stage)
        return read_part(file)

    @cached_property
    def study(self) -> dict[str, dict[str, Any]]:
        """The result files of a study, by their names."""
        file = self.folders.result("study")
        if file is None:
            raise NotRun("study")
        return read_study(file.parent)

    def _need(self, name: str, what: str) -> None:
        config = self.dataset.config
        if name not in config.arrays():
            raise MissingInput(f"the dataset has no {what}, it is {config.origin}")

    def _models(self, stage: str, *, rewards: bool) -> dict[str, TrainedModel]:
        folders = self.folders.models
        runs = [f for f in folders if is_reward_model(read_description(f).kind) == rewards]
        if not runs:
            raise NotRun(stage)
        found = by_kind(tuple(runs))
        return {
            kind: TrainedModel.open(found[kind], self.dataset, self.device)
            for kind in sort_models(found)
        }
