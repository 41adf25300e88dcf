"""RUN/model.json: what a trained model is, and which weights it has.

kind, image_size, architecture     what to build
seed, dataset_checksum, steps, ... how it was trained
weights_checksum                   of weights.safetensors
checksum                           of all that is above
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from doorlab.errors import CheckpointError, ConfigError
from doorlab.limits import at_least, from_to
from doorlab.models.architecture import Architecture
from doorlab.registry import short_name
from doorlab.storage.files import atomic_write_json, checksum, read_bytes, read_json
from doorlab.storage.json_schema import Maybe, misfit

MODEL_FILE, WEIGHTS_FILE = "model.json", "weights.safetensors"
_REMEDY = "restore it from a copy, or train the model again"
_SCHEMA = {
    "kind": str,
    "image_size": from_to(1, 65_536),
    "architecture?": dict,
    "seed?": Maybe(at_least(0)),
    "dataset_checksum?": Maybe(str),
    "weights_checksum": str,
    "checksum": str,
}


@dataclass(frozen=True)
class Description:
    """The content of a model.json, checked.

    Attributes:
        folder: of the run.
        document: all of it.
    """

    folder: Path
    document: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Name of the model in its registry; an import path for one from outside."""
        return self.document["kind"]

    @property
    def name(self) -> str:
        """How results call it."""
        return short_name(self.kind)

    @property
    def image_size(self) -> int:
        """Pixels to a side of its frames."""
        return self.document["image_size"]

    @property
    def seed(self) -> int:
        """That it was trained with."""
        return self.document.get("seed") or 0

    @property
    def dataset_checksum(self) -> str | None:
        """Of the dataset that it learned from, if it learned from one."""
        return self.document.get("dataset_checksum")

    @property
    def architecture(self) -> Architecture:
        """Its sizes. Raises CheckpointError for sizes that no model has."""
        try:
            return _architecture(self.document["architecture"])
        except (KeyError, TypeError, ValueError, ConfigError) as error:
            raise CheckpointError(
                f"the sizes of a model in {self.folder}", f"{error}", "train the model again"
            ) from None

    def weights(self) -> bytes:
        """The content of the file of its weights.

        Raises CheckpointError when there is none, or one with another checksum.
        """
        path = self.folder / WEIGHTS_FILE
        data = read_bytes(path, CheckpointError, "train the model again, or resume it")
        if checksum(data) != self.document["weights_checksum"]:
            got = "others: the file is damaged, or from another run"
            raise CheckpointError(f"the weights that {MODEL_FILE} names in {path}", got, _REMEDY)
        return data


def read_description(folder: str | Path) -> Description:
    """Of the model in a run folder.

    Raises CheckpointError when there is none, when it is damaged, or when it holds what can't be.
    """
    path = Path(folder) / MODEL_FILE
    document = read_json(path, CheckpointError)
    wrong = misfit(document, _SCHEMA)
    if wrong:
        raise CheckpointError(f"the description of a model in {path}", wrong, _REMEDY)
    if document != sealed(document):
        raise CheckpointError(f"{path} as it was written", "a changed one", _REMEDY)
    return Description(Path(folder), document)


def write_description(
    folder: Path,
    kind: str,
    image_size: int,
    architecture: Architecture,
    weights: bytes,
    about: Mapping[str, Any],
) -> None:
    """Writes model.json; `about` goes in as it is."""
    document = {
        "kind": kind,
        "image_size": image_size,
        "architecture": asdict(architecture),
        **about,
        "weights_checksum": checksum(weights),
    }
    atomic_write_json(folder / MODEL_FILE, sealed(document))


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the checksum of everything else in it."""
    bare = {key: value for key, value in document.items() if key != "checksum"}
    return {**bare, "checksum": checksum(json.dumps(bare, sort_keys=True).encode())}


def _architecture(values: Mapping[str, Any]) -> Architecture:
    known = {f.name for f in fields(Architecture)}
    if set(values) != known:
        raise KeyError(f"architecture with other sizes: {sorted(known ^ set(values))}")
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Architecture(**sizes)
