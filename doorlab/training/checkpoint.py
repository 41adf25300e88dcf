"""Checkpoints: the state that a run needs to continue bit-identically.

A checkpoint is one safetensors file with a checksum (`doorlab.storage.state_file`). It is written
atomically (`doorlab.storage.files`), so a killed run keeps its previous checkpoint. Damaged files
are rejected, and reading a file executes no code from it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from doorlab.errors import CheckpointError
from doorlab.run_layout import CHECKPOINT_FILE
from doorlab.storage.state_file import load_state, save_state

FORMAT = 2  # a checkpoint of another format is refused
_REMEDY = "start the run again with --overwrite"


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps."""

    step: int
    """Steps done."""
    model: dict[str, Any]
    """State dict of the module."""
    moments: dict[int, dict[str, Tensor]]
    """State of AdamW, by the index of the parameter among the trained ones."""
    journal: dict[str, Any]
    """Records logged so far: `MetricLogger.state`."""
    settings: dict[str, Any]
    """Settings of the run; a resumed run must have equal settings."""
    best: dict[str, Any] | None
    """The weights with the smallest validation error so far; see `training.best_weights`."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replaces the checkpoint of a run atomically."""
    save_state(folder / CHECKPOINT_FILE, "checkpoint", FORMAT, vars(checkpoint))


def has_checkpoint(folder: Path) -> bool:
    """Whether the folder has the checkpoint of a stopped run."""
    return os.path.lexists(folder / CHECKPOINT_FILE)


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint of a run, on the CPU; None if there is none.

    Raises CheckpointError if it can't be read, is damaged, or has another format than this version
    of doorlab writes.
    """
    path = folder / CHECKPOINT_FILE
    if not has_checkpoint(folder):
        return None
    state = load_state(path, "checkpoint", FORMAT, _REMEDY)
    for name, is_valid in _VALID.items():
        if not is_valid(state.get(name)):
            got = f"{name} of another form"
            raise CheckpointError(f"the state of a run in {path}", got, _REMEDY)
    return Checkpoint(**{field.name: state[field.name] for field in fields(Checkpoint)})


def check_fit(
    folder: Path, checkpoint: Checkpoint, model: nn.Module, trained: Sequence[Tensor], steps: int
) -> None:
    """Raises CheckpointError for the checkpoint of another model, or of a longer run.

    Args:
        folder: run folder, for messages.
        checkpoint: checkpoint of the run.
        model: the model in training.
        trained: its parameters, in the order of the optimizer.
        steps: number of steps of the whole run.
    """
    if checkpoint.step > steps:
        raise CheckpointError(
            f"a run of {steps} steps in {folder}", f"a checkpoint of step {checkpoint.step}",
            _REMEDY,
        )  # fmt: skip
    own = _shapes(model.state_dict())
    best = checkpoint.best["weights"] if checkpoint.best else model.state_dict()
    moments_fit = all(
        place in range(len(trained)) and _shapes(found) == _shapes_of_moments(trained[place])
        for place, found in checkpoint.moments.items()
    )
    if not (_shapes(checkpoint.model) == own == _shapes(best) and moments_fit):
        got = "a checkpoint with weights of other names or sizes"
        raise CheckpointError(f"the model of the run in {folder}", got, _REMEDY)


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _shapes_of_moments(parameter: Tensor) -> dict[str, tuple[int, ...]]:
    like = tuple(parameter.shape)
    return {"step": (), "exp_avg": like, "exp_avg_sq": like}


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_tensors(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, Tensor) for v in value.values())


def _are_moments(value: Any) -> bool:
    return isinstance(value, dict) and all(_are_tensors(found) for found in value.values())


def _is_journal(value: Any) -> bool:
    return (
        _has(value, train=list, validation=list, sums=dict, counts=dict)
        and all(_is_record(record) for record in (*value["train"], *value["validation"]))
        and _are_tensors(value["sums"])
        and value["counts"].keys() == value["sums"].keys()
        and all(_is_step(count) and count > 0 for count in value["counts"].values())
    )


def _is_record(value: Any) -> bool:
    return _has(value, step=int) and all(isinstance(v, int | float) for v in value.values())


def _is_best(value: Any) -> bool:
    if value is None:
        return True
    return (
        _has(value, step=int, error=(int, float), weights=dict)
        and math.isfinite(value["error"])
        and _are_tensors(value["weights"])
    )


def _has(value: Any, **types: type | tuple[type, ...]) -> bool:
    """Whether the value is a dictionary with these keys, and values of these types."""
    return isinstance(value, dict) and all(isinstance(value.get(k), t) for k, t in types.items())


_VALID: Mapping[str, Callable[[Any], bool]] = {
    "step": _is_step,
    "model": _are_tensors,
    "moments": _are_moments,
    "journal": _is_journal,
    "settings": lambda value: isinstance(value, dict),
    "best": _is_best,
}
