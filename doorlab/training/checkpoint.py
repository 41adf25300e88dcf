"""Checkpoints: all that a run needs to go on as if it had never stopped.

A checkpoint is written whole or not at all (`doorlab.files`): a run killed at any moment keeps the
one before. It holds tensors and plain values only, so that reading one runs no foreign code.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from doorlab.errors import CheckpointError
from doorlab.files import atomic_write_bytes

CHECKPOINT_FILE = "checkpoint.pt"
FORMAT = 1  # raised when an older version's checkpoints can't be resumed any more


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps."""

    step: int
    """Steps done."""
    model: dict[str, Any]
    """State dict of the module."""
    optimizer: dict[str, Any]
    """State dict of the optimiser."""
    journal: dict[str, Any]
    """What was logged so far."""
    settings: dict[str, Any]
    """What the run was started with; a resumed run must agree."""
    best: dict[str, Any] | None
    """The weights with the smallest validation error so far; see `training.best`."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replaces the run's checkpoint, whole or not at all."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **vars(checkpoint)}, buffer)
    atomic_write_bytes(folder / CHECKPOINT_FILE, buffer.getvalue())


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The run's checkpoint, on the CPU; None when there is none.

    Raises CheckpointError when it is damaged, or not one that this version of doorlab writes.
    """
    path = folder / CHECKPOINT_FILE
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state.pop("format", None) != FORMAT:
            raise ValueError("one that another version of doorlab wrote")
        return Checkpoint(**state)
    except FileNotFoundError:
        return None
    except (
        RuntimeError,
        TypeError,
        AttributeError,
        ValueError,
        EOFError,
        OSError,
        pickle.PickleError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise CheckpointError(
            f"a checkpoint in {path}", reason, "start the run again with --overwrite"
        ) from None
