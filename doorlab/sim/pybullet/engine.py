"""Imports PyBullet and suppresses the messages that its C code prints."""

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
    """Creates a world without a window; returns its client and a function that disconnects it.

    The function may be called repeatedly. If `owner` is garbage-collected first, the slot in the
    engine is freed automatically.
    """
    with quiet():
        client = pybullet.connect(pybullet.DIRECT)
    if client < 0:
        raise SimulatorError(
            "a PyBullet world", "no free slot (PyBullet allows 1,024)", "close some simulators"
        )
    return client, weakref.finalize(owner, pybullet.disconnect, client)


def load_urdf(client: int, text: str, flags: int) -> int:
    """Loads a body with a fixed base from URDF `text`; returns the body's number."""
    with tempfile.TemporaryDirectory(prefix="doorlab-") as folder, quiet(), decimal_points():
        file = Path(folder) / "body.urdf"
        file.write_bytes(os.fsencode(text))
        return pybullet.loadURDF(str(file), useFixedBase=True, flags=flags, physicsClientId=client)
