"""Content of the page of `doorlab explore`: everything that its scripts read, as one document."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.bandit.residual_gp import ResidualConfig
from doorlab.data.dataset import DoorDataset
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.doors import Door
from doorlab.doors.camera import View
from doorlab.errors import ConfigError, DatasetError, ResultError
from doorlab.evaluation.trained_model import TrainedModel
from doorlab.explorer.latents import directions_of, posteriors
from doorlab.explorer.openings import OPENINGS, openings_of
from doorlab.explorer.rollouts import recorded_doors, recorded_policies
from doorlab.explorer.slices import axes, slices_of
from doorlab.explorer.weights import (
    LARGE,
    decoder_weights,
    process_weights,
    residual_settings,
)
from doorlab.plots.context import MissingInput, PlotContext
from doorlab.plots.frames import stratified_sample
from doorlab.plots.style import style_of
from doorlab.result_schemas import read_part
from doorlab.sim.rendering import RenderOptions
from doorlab.sim.simulator import Simulator, make_simulator


@dataclass(frozen=True)
class Inputs:
    """Models and held-out doors of a run.

    Attributes:
        statistician: pretrained statistician.
        reward: reward model.
        indices: indices (D,) of the chosen doors in the dataset.
        doors: their parameters.
        images: their frames, uint8 (D, M, H, W, 3).
    """

    statistician: TrainedModel
    reward: TrainedModel
    indices: np.ndarray
    doors: list[Door]
    images: np.ndarray

    @staticmethod
    def read(sources: PlotContext, doors: int) -> Inputs:
        """Reads the inputs from a run; prefers doors that `doorlab bandit` recorded.

        Raises ResultError if the run lacks one of them, and DatasetError for footage.
        """
        with _required():
            _refuse_footage(sources.dataset)
            wanted = np.isin(sources.indices, recorded_doors(_regret(sources)))
            pool = np.flatnonzero(wanted) if wanted.any() else np.arange(len(sources.indices))
            known = [sources.doors[i] for i in pool]
            chosen = pool[stratified_sample(known, doors)]
            return Inputs(
                sources.statistician,
                sources.headline_model,
                sources.indices[chosen],
                [sources.doors[i] for i in chosen],
                sources.images[chosen],
            )


def contents(
    sources: PlotContext, inputs: Inputs, advance: Callable[[int], None] = lambda n: None
) -> dict[str, Any]:
    """The document without weights.

    Args:
        sources: the run.
        inputs: its models and doors.
        advance: called with 1 for every simulated door.

    Raises:
        SimulatorError: if the simulator of the dataset cannot run here.
    """
    simulator = make_simulator(sources.dataset.generation.simulator)
    try:
        slices = slices_of(simulator, inputs.doors, advance)
        openings = _openings(simulator, sources.dataset, inputs)
    finally:
        simulator.close()
    shown = posteriors(inputs.statistician, inputs.images, inputs.doors, inputs.indices)
    embedding = inputs.reward.embed(inputs.images).astype(float).round(5).tolist()
    doors = [
        {**door, "embedding": e, "slices": of_door, "openings": frames}
        for door, e, of_door, frames in zip(shown, embedding, slices, openings, strict=True)
    ]
    return {
        "run": ", ".join(str(run) for run in sources.folders.runs),
        "simulator": sources.dataset.generation.simulator,
        "statistician": style_of(inputs.statistician.kind).label,
        "model": style_of(inputs.reward.kind).label,
        "size": sources.dataset.image_size,
        "latents": directions_of(inputs.statistician, sources.dataset),
        "axes": axes(),
        "openings": OPENINGS,
        "doors": doors,
        "policies": recorded_policies(_regret(sources), inputs.indices),
    }


def weights(inputs: Inputs, large: int = LARGE) -> dict[str, Any]:
    """Weights of both networks, with the policies' default correction by residuals.

    Tensors of `large` elements or more are float16.
    """
    process = getattr(inputs.reward.network, "process", None)
    if process is None:
        raise ConfigError(
            "a reward model with a neural process", inputs.reward.kind, "train ssnp or np"
        )
    return {
        "decoder": decoder_weights(inputs.statistician.network, large),
        "process": process_weights(process, large),
        "residuals": residual_settings(ResidualConfig()),
    }


def _openings(simulator: Simulator, dataset: DoorDataset, inputs: Inputs) -> list[list[str]]:
    """Frames of the doors at several openings, from the view of their first frame."""
    views = [View.from_array(view[0]) for view in dataset.read("view", inputs.indices)]
    layers = RenderOptions(shadows=dataset.generation.shadows)
    return openings_of(simulator, inputs.doors, views, dataset.image_size, layers)


def _refuse_footage(dataset: DoorDataset) -> None:
    if not isinstance(dataset.config, GenerationConfig):
        raise DatasetError(
            "a simulated dataset, because the page shows rewards of actions in a simulator",
            f"{dataset.path}, which was {dataset.config.origin}",
            "name a run on simulated doors; `doorlab report` shows models of footage",
        )


def _regret(sources: PlotContext) -> Path | None:
    """The file regret.json of the run; None without one, or if it is about another dataset."""
    path = sources.folders.result("bandit")
    if path is None or read_part(path).get("dataset_checksum") != sources.dataset.checksum:
        return None
    return path


@contextlib.contextmanager
def _required() -> Iterator[None]:
    """Converts a missing input into an error for users."""
    try:
        yield
    except MissingInput as error:
        raise ResultError(
            "a run with a simulated dataset, a statistician and a reward model",
            f"one without: {error}",
            "make one with `doorlab demo`",
        ) from None
