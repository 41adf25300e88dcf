"""Run folders that are changed afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save

from doorlab.data import checksums
from doorlab.models.description import read_description, sealed, write_description
from doorlab.storage.files import checksum


def describe(folder: Path, **entries: object) -> None:
    """A model.json with these entries, of the weights that are there; of none, a made-up checksum.

    For runs whose weights nobody reads.
    """
    weights = folder / "weights.safetensors"
    of_weights = checksum(weights.read_bytes()) if weights.exists() else "blake2b:none"
    document = sealed({**entries, "weights_checksum": of_weights})
    (folder / "model.json").write_text(json.dumps(document))


def describe_otherwise(folder: Path, **entries) -> None:
    """Other entries in model.json, with the checksum that they have."""
    file = folder / "model.json"
    file.write_text(json.dumps(sealed({**json.loads(file.read_text()), **entries})))


def write_manifest(folder: Path, document: dict[str, Any]) -> None:
    """Writes dataset.json with these entries, and the checksum that they have."""
    bare = {name: entry for name, entry in document.items() if name != "file_checksum"}
    content = json.dumps(bare, sort_keys=True).encode()
    bare["file_checksum"] = checksums.checksum({"dataset.json": content})
    (folder / "dataset.json").write_text(json.dumps(bare))


def train_again(folder: Path) -> None:
    """Other weights, as if the run had been deleted and done again."""
    about = read_description(folder)
    file = folder / "weights.safetensors"
    weights = save({name: value + 1 for name, value in load_file(file).items()})
    file.write_bytes(weights)
    named = ("kind", "image_size", "architecture", "weights_checksum", "checksum")
    others = {k: v for k, v in about.document.items() if k not in named}
    write_description(folder, about.kind, about.image_size, about.architecture, weights, others)


def damage(file: Path) -> None:
    """One bit in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)
