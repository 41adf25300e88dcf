"""Figures of images for `doorlab plot`: gallery, reconstructions, new frames and samples.

Legend: D doors, M frames per door, H W pixels; B C H W a batch of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
import torch

from doorlab.doors import Door
from doorlab.evaluation.trained_model import squared_errors, to_frames, to_uint8
from doorlab.intervals import bootstrap_mean
from doorlab.models.encoders.base import Reconstructs, SamplesDoors
from doorlab.models.registry import STATISTICIANS
from doorlab.plots.context import Plot, PlotContext
from doorlab.plots.figures.grid import Row, image_grid
from doorlab.plots.style import style_of, text_color
from doorlab.seeding import integer_seed

_COLUMNS = 8


def stratified_sample(doors: Sequence[Door], count: int) -> list[int]:
    """Positions of `count` doors, taken in turn from each combination of side and swing."""
    groups: dict[tuple[str, str], list[int]] = {}
    for i, door in enumerate(doors):
        groups.setdefault((door.hinge_side, door.swing), []).append(i)
    turns = zip_longest(*(groups[key] for key in sorted(groups)))
    return [i for turn in turns for i in turn if i is not None][:count]


def describe(door: Door) -> str:
    """Short description: hinge side and swing ("left hinge, pull"), or direction of sliding."""
    if door.mechanism == "sliding":
        return f"slides, {door.hinge_side}"
    return f"{door.hinge_side} hinge, {door.swing}"


def chosen_doors(sources: PlotContext, count: int) -> list[int]:
    """Positions of held-out doors to show: a stratified sample, or the first without parameters."""
    if sources.doors_are_known:
        return stratified_sample(sources.doors, count)
    return list(range(min(count, len(sources.indices))))


def label(sources: PlotContext, position: int) -> str:
    """Label of a held-out door: hinge side and swing, or the name of its footage."""
    if sources.doors_are_known:
        return describe(sources.doors[position]).replace(", ", "\n")
    return sources.dataset.config.names[sources.indices[position]]


def gallery(sources: PlotContext) -> Plot:
    """Frames of held-out doors, ordered by opening angle."""
    chosen = stratified_sample(sources.doors, 8)
    images = sources.images[chosen]
    angles = sources.read("joint_position")[chosen]
    order = np.argsort(angles, axis=1, kind="stable")[:, :_COLUMNS]
    images = np.take_along_axis(images, order[:, :, None, None, None], axis=1)
    rows = [Row(label(sources, i), row) for i, row in zip(chosen, images, strict=True)]
    varies = "Camera, size, position, handle, hinge and swing vary between doors"
    appearance_varies = len({door.appearance for door in sources.doors}) > 1
    variety = (
        f"{varies}, and so do colors and light."
        if appearance_varies
        else f"{varies}; colors do not."
    )
    arrays = {"images": images, "doors": sources.indices[chosen]}
    figure = image_grid([rows], ["closed"], heading="One door per row, ordered by opening angle")
    return Plot(figure, arrays, words={"variety": variety})


def reconstructions(sources: PlotContext) -> Plot:
    """Frames and their reconstructions by every pretrained model; squared errors over all doors."""
    chosen = chosen_doors(sources, 3)
    images = sources.images[chosen][:, :_COLUMNS]
    rebuilt, errors = {}, {}
    for kind, model in sources.pretrained_that(Reconstructs, "reconstruct").items():
        whole = model.reconstruct(sources.images)
        rebuilt[kind] = to_uint8(whole[chosen][:, :_COLUMNS])
        errors[kind] = bootstrap_mean(squared_errors(whole, sources.images), seed=sources.seed)
    groups = [
        [Row("true", images[k])]
        + [Row(style_of(kind).label, new[k], text_color(kind)) for kind, new in rebuilt.items()]
        for k in range(len(chosen))
    ]
    figure = image_grid(groups, heading="Frames of held-out doors and their reconstructions")
    return Plot(figure, {"images": images, **rebuilt}, {"reconstruction_mse": errors})


def new_frames(sources: PlotContext) -> Plot:
    """Observed frames of doors, next to frames that the statistician samples from their c."""
    model, encoded = sources.statistician, 3
    chosen = chosen_doors(sources, 6)
    images = sources.images[chosen][:, :encoded]
    with torch.no_grad():
        c = model.network.embed(to_frames(images, model.device))
        sampled = model.network.new_frames(c, _COLUMNS - encoded, _chance(sources, "new_frames"))
    new = to_uint8(sampled)
    rows = [
        Row(label(sources, i), np.concatenate([a, b]))
        for i, a, b in zip(chosen, images, new, strict=True)
    ]
    encoded = images.shape[1]
    columns = ["encoded", *[""] * (encoded - 1), "sampled from c"]
    heading = "One held-out door per row"
    figure = image_grid([rows], columns, (encoded,), heading)
    return Plot(figure, {"seen": images, "new": new})


def samples(sources: PlotContext) -> Plot:
    """Doors sampled from the pretrained models, below real doors."""
    real = sources.images[chosen_doors(sources, 2)][:, :_COLUMNS]
    groups, arrays = [[Row("real", row) for row in real]], {"real": real}
    densities = []
    for kind, model in sources.pretrained_that(SamplesDoors, "sample").items():
        doors = 4 if kind in STATISTICIANS else 2
        with torch.no_grad():
            chance = _chance(sources, f"samples {kind}")
            sampled = model.network.sample(doors, real.shape[1], chance)
        arrays[kind] = to_uint8(sampled)
        groups.append([Row(style_of(kind).label, row, text_color(kind)) for row in arrays[kind]])
        densities.append(f"{style_of(kind).label}: {model.network.describe_sampling()}")
    heading = "Doors sampled from the models, below real ones"
    words = {"densities": "; ".join(densities)}
    return Plot(image_grid(groups, heading=heading), arrays, words=words)


def _chance(sources: PlotContext, name: str) -> torch.Generator:
    """A random generator per figure, so that figures do not depend on each other."""
    return torch.Generator(sources.device).manual_seed(integer_seed(sources.seed, "plot", name))
