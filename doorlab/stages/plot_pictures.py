"""Figures made of pictures: doors, and what the pretrained models make of them: for `doorlab plot`.

Legend: D doors, M frames per door, H W pixels; B C H W a batch of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor

from doorlab.doors import Door
from doorlab.intervals import bootstrap_mean
from doorlab.report.figures.grid import Row, image_grid
from doorlab.report.style import style_of, text_color
from doorlab.seeding import integer_seed
from doorlab.stages.plot_sources import Drawing, Missing, Sources

_COLUMNS = 8


def varied(doors: Sequence[Door], count: int) -> list[int]:
    """Positions of `count` doors, taken in turn from each combination of side and swing."""
    groups: dict[tuple[str, str], list[int]] = {}
    for i, door in enumerate(doors):
        groups.setdefault((door.hinge_side, door.swing), []).append(i)
    turns = zip_longest(*(groups[key] for key in sorted(groups)))
    return [i for turn in turns for i in turn if i is not None][:count]


def describe(door: Door) -> str:
    """Its side and swing: left hinge, pull."""
    return f"{door.hinge_side} hinge, {door.swing}"


def gallery(sources: Sources) -> Drawing:
    """Held-out doors in all their frames, the most open to the right."""
    chosen = varied(sources.doors, 8)
    images = sources.images[chosen]
    angles = sources.read("joint_position")[chosen]
    order = np.argsort(angles, axis=1, kind="stable")[:, :_COLUMNS]
    images = np.take_along_axis(images, order[:, :, None, None, None], axis=1)
    rows = [
        Row(describe(sources.doors[i]).replace(", ", "\n"), row)
        for i, row in zip(chosen, images, strict=True)
    ]
    return Drawing(
        image_grid([rows], ["shut"]), {"images": images, "doors": sources.indices[chosen]}
    )


def reconstructions(sources: Sources) -> Drawing:
    """Frames, and what every pretrained model keeps of them; squared errors over all doors."""
    chosen = varied(sources.doors, 4)
    images = sources.images[chosen][:, :_COLUMNS]
    rebuilt, errors = {}, {}
    for kind, model in sources.pretrained.items():
        whole = model.reconstruct(sources.images)
        rebuilt[kind] = to_bytes(whole[chosen][:, :_COLUMNS])
        squares = (whole - sources.images.astype(np.float32) / 255.0) ** 2
        errors[kind] = bootstrap_mean(squares.mean(axis=(1, 2, 3, 4)), seed=sources.seed)
    groups = [
        [Row("true", images[k])]
        + [Row(style_of(kind).label, new[k], text_color(kind)) for kind, new in rebuilt.items()]
        for k in range(len(chosen))
    ]
    return Drawing(
        image_grid(groups), {"images": images, **rebuilt}, {"reconstruction_mse": errors}
    )


def to_bytes(images: np.ndarray | Tensor) -> np.ndarray:
    """uint8 pictures from those in [0, 1], last axis channels."""
    values = images.detach().cpu().numpy() if isinstance(images, Tensor) else images
    return (np.clip(values, 0.0, 1.0) * 255.0).round().astype(np.uint8)


def generator_for(sources: Sources, name: str) -> torch.Generator:
    """A source of chance for one figure, so that figures do not depend on one another."""
    return torch.Generator(sources.device).manual_seed(integer_seed(sources.seed, "plot", name))


def new_frames(sources: Sources) -> Drawing:
    raise Missing("not yet")


def samples(sources: Sources) -> Drawing:
    raise Missing("not yet")


def traversals(sources: Sources) -> Drawing:
    raise Missing("not yet")
