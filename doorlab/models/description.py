"""RUN/model.json: the description of a trained model, with the checksum of its weights.

kind, image_size, architecture     arguments of `registry.build_model`
seed, dataset_checksum, steps, ... settings of the training
weights_checksum                   checksum of weights.safetensors
checksum                           checksum of all other entries

A folder in the layout of model hubs (`doorlab.models.hub`) contains config.json instead, with the
same entries and with those of the model card, and model.safetensors. An encoder that is part of a
reward model may have its weights in the folder of that model:

weights_of                         the folder beside this one, "../ssnp"
weights_prefix                     beginning of the names of the encoder's tensors, "statistician."
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from doorlab.errors import CheckpointError, ConfigError
from doorlab.limits import at_least, from_to
from doorlab.models.architecture import Architecture
from doorlab.registry import short_name
from doorlab.run_layout import HUB_MODEL_FILE, HUB_WEIGHTS_FILE, MODEL_FILE, WEIGHTS_FILE
from doorlab.storage.files import atomic_write_json, checksum, read_bytes, read_json
from doorlab.storage.json_schema import Maybe, OneOf, Text, misfit

DTYPES = ("float32", "float16")  # of stored weights; models compute in float32
HUB_FILES = HUB_MODEL_FILE, HUB_WEIGHTS_FILE
# Settings of losses that this version has added. Models of earlier versions do not name them.
_ADDED = {"contrast_frames"}
_OF_EXPORT = ("card", "checksum", "weights_of", "weights_prefix")
_REMEDY = "restore it from a copy, or train the model again"
_SCHEMA = {
    "kind": str,
    "image_size": from_to(1, 65_536),
    "architecture?": dict,
    "seed?": Maybe(at_least(0)),
    "dataset_checksum?": Maybe(str),
    "weights_checksum": str,
    "checksum": str,
    "dtype?": OneOf(*DTYPES),
    "weights_of?": Text(r"\.\./[\w\-]+", "a folder beside this one"),
    "weights_prefix?": str,
    "card?": dict,
}


@dataclass(frozen=True)
class Description:
    """The checked content of a model.json or config.json.

    Attributes:
        folder: folder of the file.
        document: content of the file.
        weights_file: name of the file of the weights.
    """

    folder: Path
    document: Mapping[str, Any]
    weights_file: str = WEIGHTS_FILE

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
    def weights_checksum(self) -> str:
        """Checksum that the file of the weights must have."""
        return self.document["weights_checksum"]

    @property
    def card(self) -> Mapping[str, Any] | None:
        """Content of the model card; None for a run folder, which has none."""
        return self.document.get("card")

    @property
    def settings(self) -> dict[str, Any]:
        """The entries without those of the export, which may change while the weights stay."""
        if self.card is None:
            return dict(self.document)
        return {k: v for k, v in self.document.items() if k not in _OF_EXPORT}

    @property
    def architecture(self) -> Architecture:
        """Sizes of the networks. Raises CheckpointError for invalid sizes."""
        try:
            return _architecture(self.document["architecture"])
        except (KeyError, TypeError, ValueError, ConfigError) as error:
            raise CheckpointError(
                f"valid sizes of a model in {self.folder}", f"{error}", "train the model again"
            ) from None

    @property
    def weights_prefix(self) -> str:
        """Beginning of the names of the model's tensors in the file; the file may hold others."""
        return self.document.get("weights_prefix", "")

    def weights(self) -> bytes:
        """Reads the file of the weights.

        Raises CheckpointError if the file is missing or has another checksum.
        """
        path = self.folder / self.document.get("weights_of", "") / self.weights_file
        data = read_bytes(path, CheckpointError, "train the model again, or resume it")
        if checksum(data) != self.weights_checksum:
            got = "other weights: the file is damaged, or from another run"
            about = MODEL_FILE if self.weights_file == WEIGHTS_FILE else HUB_MODEL_FILE
            expected = f"the weights with the checksum of {about} in {path}"
            raise CheckpointError(expected, got, _REMEDY)
        return data


def read_description(folder: str | Path) -> Description:
    """Reads and checks the description of the model in a run folder or in the layout of hubs.

    Raises CheckpointError if the file is missing, damaged, or contains invalid values.
    """
    names = HUB_FILES if is_exported(folder) else (MODEL_FILE, WEIGHTS_FILE)
    path = Path(folder) / names[0]
    document = read_json(path, CheckpointError)
    wrong = misfit(document, _SCHEMA)
    if wrong:
        raise CheckpointError(f"the description of a model in {path}", wrong, _REMEDY)
    if document != sealed(document):
        raise CheckpointError(f"{path} as it was written", "a modified file", _REMEDY)
    return Description(Path(folder), document, names[1])


def is_model_folder(folder: str | Path) -> bool:
    """Whether a folder contains a model, in the layout of a run or of model hubs."""
    return os.path.exists(Path(folder) / MODEL_FILE) or is_exported(folder)


def is_exported(folder: str | Path) -> bool:
    """Whether a folder has the layout of model hubs, and no model of a run."""
    run, exported = (Path(folder) / name for name in (MODEL_FILE, HUB_MODEL_FILE))
    return not os.path.exists(run) and os.path.isfile(exported)


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
    if set(values) | _ADDED != known:
        raise KeyError(f"architecture with other sizes: {sorted(known ^ set(values))}")
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Architecture(**sizes)
