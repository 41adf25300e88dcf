"""Files beside the weights of a model, with values that were fitted for these weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from doorlab.errors import CheckpointError
from doorlab.storage.state_file import load_state, save_state

T = TypeVar("T")


class FittedFile(NamedTuple):
    """A file of fitted values.

    Attributes:
        path: path of the file, in the run folder of the model.
        kind: kind of state, as in `save_state`.
        version: format version of the kind.
        key: entry that contains the checksum of the model's weights.
    """

    path: Path
    kind: str
    version: int
    key: str


def save_fitted(file: FittedFile, value: Any, weights: str) -> None:
    """Writes a dataclass with the checksum of the weights that it was fitted for."""
    save_state(file.path, file.kind, file.version, {**vars(value), file.key: weights})


def load_fitted(file: FittedFile, build: type[T], weights: str, remedy: str) -> T | None:
    """Reads the dataclass of `save_fitted`; returns None if there is no file.

    Args:
        file: the file.
        build: class of the value.
        weights: checksum of the model's weights.
        remedy: what the user can do about an unusable file, as an imperative.

    Raises CheckpointError if the file is damaged or belongs to other weights.
    """
    if not file.path.exists():
        return None
    state = load_state(file.path, file.kind, file.version, remedy)
    if state.pop(file.key, None) != weights:
        raise CheckpointError(f"{file.path} for the model's weights", "a file for others", remedy)
    try:
        return build(**state)
    except TypeError:
        raise CheckpointError(f"a {file.kind} in {file.path}", "other content", remedy) from None
