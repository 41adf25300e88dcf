"""PyBullet, imported and used without what it prints from C."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

from doorlab.errors import SimulatorError
from doorlab.runtime.numeric_locale import decimal_points
from doorlab.terminal.text import quiet

with quiet():
    import pybullet

__all__ = ["connect", "load_urdf", "pybullet"]


def connect(owner: object) -> tuple[int, Callable[[], object]]:
    """A world without a window: its client, and what disconnects it (twice is harmless).

    An `owner` that is dropped without that frees its slot in the engine all the same.
    """
    with quiet():
        client = pybullet.connect(pybullet.DIRECT)
    if client < 0:
        raise SimulatorError(
            "a PyBullet world", "no free slot (PyBullet allows 1,024)", "close some simulators"
        )
    return client, weakref.finalize(owner, pybullet.disconnect, client)


def load_urdf(client: int, text: str, flags: int) -> int:
    """The number of a new body with a fixed base, described by `text` in URDF."""
    with tempfile.TemporaryDirectory(prefix="doorlab-") as folder, quiet(), decimal_points():
        file = Path(folder) / "body.urdf"
        file.write_bytes(os.fsencode(text))
        return pybullet.loadURDF(str(file), useFixedBase=True, flags=flags, physicsClientId=client)
