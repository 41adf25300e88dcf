"""Draws figures of a run, and reads what `doorlab plot` wrote."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from doorlab.models.encoders.base import FrameEmbeddingEncoder
from doorlab.run_layout import RunFolders
from doorlab.stages import plot


def draw(config, *names):
    """plot.json and the arrays of every requested figure."""
    path = plot.run(replace(config, figures=names))
    arrays = {name: np.load(path.parent / f"{name}.npz") for name in names}
    return json.loads(path.read_text()), arrays


def sources_of(config):
    folders = RunFolders.find(config.runs)
    return plot.PlotContext(folders, None, max_doors=200, seed=0, device="cpu")


class Reader(FrameEmbeddingEncoder):
    """Embeds frames by their mean color, and decodes nothing."""

    def embed_frames(self, x):
        return x.mean(dim=(3, 4))
