"""Meshes that ship with doorlab, found the same way in a wheel and in an editable install."""

from functools import cache
from importlib.resources import as_file, files
from pathlib import Path


@cache
def handle_mesh(handle_type: str) -> Path:
    """The OBJ file of a lever, a knob or a bar (metres, frame of the spindle)."""
    with as_file(files(__name__) / "handles" / f"{handle_type}.obj") as path:
        return path
