"""The handle meshes that ship with doorlab, in a wheel as in an editable install."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from pathlib import Path


@cache
def handle_mesh(handle_type: str) -> Path:
    """The OBJ file of a lever, a knob or a bar (metres, frame of the spindle)."""
    with as_file(files("doorlab.assets") / "handles" / f"{handle_type}.obj") as path:
        return path
