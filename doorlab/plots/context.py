"""Inputs of figures: the dataset, models and results of runs, loaded on first access.

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
from doorlab.plots.style import Figure, focus_model, sort_models
from doorlab.result_schemas import read_part, read_study
from doorlab.run_layout import RunFolders

_ANY_PARAMETER = door_array("hinge_side")


class MissingInput(Exception):
    """The runs lack an input of a figure; the message names the input."""


class NotRun(MissingInput):
    """The runs contain no result or model of a stage."""

    def __init__(self, *stages: str) -> None:
        super().__init__(" or ".join(f"`doorlab {stage}`" for stage in stages) + " was not run")


@dataclass(frozen=True)
class Plot:
    """A figure with its data."""

    figure: Figure
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    """Arrays shown in the figure, for the NPZ file."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """Numbers of the figure, for plot.json and the report."""
    words: dict[str, str] = field(default_factory=dict)
    """Words for the placeholders of the caption."""


class PlotContext:
    """Lazily loaded inputs from one run or several.

    Properties and methods raise MissingInput if the runs lack the input.

    Args:
        folders: folders of the runs and their parts.
        data: folder of the dataset; None for the dataset of the runs.
        max_doors: maximum number of held-out doors to read.
        seed: seed of samples drawn from models.
        device: device of the models.
        models: folders of further models, which replace those of the same kind in the runs.
    """

    def __init__(
        self,
        folders: RunFolders,
        data: Path | None,
        *,
        max_doors: int,
        seed: int,
        device: str,
        models: tuple[Path, ...] = (),
    ) -> None:
        self.folders, self.seed, self._further = folders, seed, models
        self.device, self._data, self._max_doors = device, data, max_doors

    @cached_property
    def dataset(self) -> DoorDataset:
        """The dataset."""
        path = self._data or self.folders.dataset()
        if path is None:
            raise MissingInput("no dataset was found. Give one with --data")
        return DoorDataset.open(path)

    @property
    def checksum(self) -> str | None:
        """Checksum of the dataset; None if there is no readable dataset."""
        try:
            return self.dataset.checksum
        except (MissingInput, DoorlabError):
            return None

    @property
    def simulator(self) -> str | None:
        """Simulator of the dataset; None without a dataset, or if it was not simulated."""
        try:
            return self.dataset.simulator
        except MissingInput:
            return None

    @cached_property
    def indices(self) -> np.ndarray:
        """Indices (D,) of the held-out doors."""
        indices = self.dataset.indices("test")[: self._max_doors]
        if not len(indices):
            raise MissingInput("the dataset has no test doors")
        return indices

    @cached_property
    def images(self) -> np.ndarray:
        """Frames of the held-out doors, uint8 (D, M, H, W, 3)."""
        return self.dataset.read("images", self.indices)

    @property
    def doors_are_known(self) -> bool:
        """Whether the dataset contains the parameters of its doors; imported footage does not."""
        return _ANY_PARAMETER in self.dataset.config.arrays()

    @cached_property
    def doors(self) -> list[Door]:
        """Parameters of the held-out doors."""
        self._need(_ANY_PARAMETER, "parameters of doors")
        return self.dataset.doors(self.indices)

    def read(self, name: str) -> np.ndarray:
        """An array of `data.schema.ARRAYS` for the held-out doors."""
        self._need(name, name)
        return self.dataset.read(name, self.indices)

    @cached_property
    def pretrained(self) -> dict[str, TrainedModel]:
        """Kind -> model of `doorlab pretrain`."""
        return self._models("pretrain", rewards=False)

    def pretrained_that(self, mixin: type, verb: str) -> dict[str, TrainedModel]:
        """Kind -> pretrained model with a capability.

        Args:
            mixin: mixin of `models.encoders.base` that provides the capability.
            verb: name of the capability, for the error message.
        """
        capable = {k: m for k, m in self.pretrained.items() if isinstance(m.network, mixin)}
        if not capable:
            raise MissingInput(f"none of the models can {verb}")
        return capable

    @cached_property
    def reward_models(self) -> dict[str, TrainedModel]:
        """Kind -> model of `doorlab train`."""
        return self._models("train", rewards=True)

    @property
    def headline_model(self) -> TrainedModel:
        """The main reward model of the report: SSNP, or the first in the order of `STYLES`."""
        models = self.reward_models
        return models[focus_model(models) or sort_models(models)[0]]

    @property
    def statistician(self) -> TrainedModel:
        """The statistician; if there are several, the first in the order of `STATISTICIANS`."""
        found = [self.pretrained[kind] for kind in STATISTICIANS if kind in self.pretrained]
        if not found:
            raise MissingInput("there is no statistician")
        return found[0]

    def result(self, stage: str) -> dict[str, Any]:
        """Content of the result file of a stage in `run_layout.RESULTS`."""
        file = self.folders.result(stage)
        if file is None:
            raise NotRun(stage)
        return read_part(file)

    @cached_property
    def study(self) -> dict[str, dict[str, Any]]:
        """File name -> content of the result files of a study."""
        file = self.folders.result("study")
        if file is None:
            raise NotRun("study")
        return read_study(file.parent)

    def _need(self, name: str, what: str) -> None:
        config = self.dataset.config
        if name not in config.arrays():
            raise MissingInput(f"the dataset has no {what}: it is {config.origin}")

    def _models(self, stage: str, *, rewards: bool) -> dict[str, TrainedModel]:
        of_runs, further = (
            by_kind(
                tuple(f for f in folders if is_reward_model(read_description(f).kind) == rewards)
            )
            for folders in (self.folders.models, self._further)
        )
        found = of_runs | further
        if not found:
            raise NotRun(stage)
        return {
            kind: TrainedModel.open(found[kind], self.dataset, self.device)
            for kind in sort_models(found)
        }
