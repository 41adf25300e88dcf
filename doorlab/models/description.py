"""RUN/model.json: the description of a trained model, with the checksum of its weights.

kind, image_size, architecture     arguments of `registry.build_model`
seed, dataset_checksum, steps, ... settings of the training
weights_checksum                   checksum of weights.safetensors
checksum                           checksum of all other entries
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
from doorlab.run_layout import MODEL_FILE, WEIGHTS_FILE
from doorlab.storage.files import atomic_write_json, checksum, read_bytes, read_json
from doorlab.storage.json_schema import Maybe, misfit

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
    """The checked content of a model.json.

    Attributes:
        folder: run folder of the file.
        document: content of the file.
    """

    folder: Path
    document: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Name of the model in the registry, or import path of a model from outside doorlab."""
        return self.document["kind"]

    @property
    def name(self) -> str:
        """Name of the model in results."""
        return short_name(self.kind)

    @property
    def image_size(self) -> int:
        """Height and width of the frames, pixels."""
        return self.document["image_size"]

    @property
    def seed(self) -> int:
        """Training seed; 0 if the file contains none."""
        return self.document.get("seed") or 0

    @property
    def dataset_checksum(self) -> str | None:
        """Checksum of the training dataset; None if the model was not trained on a dataset."""
        return self.document.get("dataset_checksum")

    @property
    def architecture(self) -> Architecture:
        """Sizes of the networks. Raises CheckpointError for invalid sizes."""
        try:
            return _architecture(self.document["architecture"])
        except (KeyError, TypeError, ValueError, ConfigError) as error:
            raise CheckpointError(
                f"valid sizes of a model in {self.folder}", f"{error}", "train the model again"
            ) from None

    def weights(self) -> bytes:
        """Reads the file of the weights.

        Raises CheckpointError if the file is missing or has another checksum.
        """
        path = self.folder / WEIGHTS_FILE
        data = read_bytes(path, CheckpointError, "train the model again, or resume it")
        if checksum(data) != self.document["weights_checksum"]:
            got = "other weights: the file is damaged, or from another run"
            expected = f"the weights with the checksum of {MODEL_FILE} in {path}"
            raise CheckpointError(expected, got, _REMEDY)
        return data


def read_description(folder: str | Path) -> Description:
    """Reads and checks the description of the model in a run folder.

    Raises CheckpointError if the file is missing, damaged, or contains invalid values.
    """
    path = Path(folder) / MODEL_FILE
    document = read_json(path, CheckpointError)
    wrong = misfit(document, _SCHEMA)
    if wrong:
        raise CheckpointError(f"the description of a model in {path}", wrong, _REMEDY)
    if document != sealed(document):
        raise CheckpointError(f"{path} as it was written", "a modified file", _REMEDY)
    return Description(Path(folder), document)


def write_description(
    folder: Path,
    kind: str,
    image_size: int,
    architecture: Architecture,
    weights: bytes,
    about: Mapping[str, Any],
) -> None:
    """Writes model.json.

    Args:
        folder: run folder.
        kind: name of the model in the registry, or import path.
        image_size: height and width of the frames, pixels.
        architecture: sizes of the networks.
        weights: content of the file of the weights.
        about: further entries, such as the seed.
    """
    document = {
        "kind": kind,
        "image_size": image_size,
        "architecture": asdict(architecture),
        **about,
        "weights_checksum": checksum(weights),
    }
    atomic_write_json(folder / MODEL_FILE, sealed(document))


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with a new entry "checksum": the checksum of all other entries."""
    bare = {key: value for key, value in document.items() if key != "checksum"}
    return {**bare, "checksum": checksum(json.dumps(bare, sort_keys=True).encode())}


def _architecture(values: Mapping[str, Any]) -> Architecture:
    known = {f.name for f in fields(Architecture)}
    if set(values) != known:
        raise KeyError(f"architecture with other sizes: {sorted(known ^ set(values))}")
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Architecture(**sizes)
