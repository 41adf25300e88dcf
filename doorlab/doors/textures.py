"""The textures that ship with doorlab: gray tiles that tint the color of a surface."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

# Side of one tile in meters. Coordinates along a face are meters in the frame of its body.
TILE_SIZES: dict[str, float] = {
    "wood": 0.5,
    "planks": 0.6,
    "plaster": 1.0,
    "brick": 0.5,
    "tiles": 0.6,
    "carpet": 0.8,
    "marble": 1.0,
    "stripes": 0.4,
}


@cache
def texture_file(name: str) -> Path:
    """Path of the PNG file of a texture; "plain" has none."""
    with as_file(files("doorlab.assets") / "textures" / f"{name}.png") as path:
        return path
