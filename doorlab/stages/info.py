"""Show the contents of a dataset or of a model.

Of a dataset: counts, settings, arrays and sizes. Of a model: kind, size, training data and
checksums; the argument is a run folder, a folder of `doorlab export`, or the name of shipped
weights (narrow).

With --verify, the command reads every file of a dataset and compares it with its checksum. If parts
are damaged, the command lists them and ends with an error. The checksum of a model's weights is
always compared.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.table import Table
from tyro.conf import Positional

from doorlab.data.dataset import DoorDataset
from doorlab.data.manifest import Manifest
from doorlab.data.parts import PART_FOLDERS, bytes_below
from doorlab.data.schema import FORMAT_VERSION
from doorlab.data.sources.importing import listing
from doorlab.doors import DoorPrior
from doorlab.errors import DatasetError
from doorlab.run_layout import CARD_FILE, DATASET_FILE
from doorlab.serialization import to_json
from doorlab.storage.store_urls import dataset_location, is_remote
from doorlab.terminal.console import PlainConsole
from doorlab.terminal.text import printable


@dataclass(frozen=True)
class Config:
    """Dataset or model to show."""

    data: Positional[Path]
    """Folder of the dataset or model, URL of a dataset, or name of shipped weights."""
    verify: bool = False
    """Read every file and compare it with its checksum."""


def run(config: Config) -> None:
    """Prints the summary.

    Raises:
        DatasetError: if the folder contains neither a dataset nor a model and, with `verify`, if
            parts of the dataset are damaged.
        CheckpointError: if the model is damaged.
    """
    if _is_model(config.data):
        _show_model(config)
    else:
        _show_dataset(config)


def _show_dataset(config: Config) -> None:
    path = dataset_location(config.data)
    manifest = Manifest.read(path)
    console = PlainConsole()
    for table in (
        _overview(path, manifest),
        _settings(manifest),
        *_ranges(manifest),
        _arrays(path, manifest),
    ):
        console.print(table)
    if config.verify:
        _verify(path, manifest)
        console.print(f"all {len(manifest.parts)} parts have their checksums")
    if not manifest.complete:
        command = manifest.config.command(path)
        console.print(f"incomplete: `{command}` continues it", soft_wrap=True)


def _is_model(path: Path) -> bool:
    from doorlab.models.description import is_model_folder
    from doorlab.models.hub.locate import is_shipped

    is_dataset = os.path.exists(path / DATASET_FILE)
    return not is_dataset and (is_model_folder(path) or is_shipped(path))


def _show_model(config: Config) -> None:
    """Prints the description of a model; the checksum of its weights is always compared."""
    from doorlab.models.description import read_description
    from doorlab.models.hub.locate import find_model

    about, console = read_description(find_model(config.data, "reward")), PlainConsole()
    weights = about.weights()  # raises if the weights differ from their checksum
    table = _table(printable(config.data), "", "")
    table.add_row("model", printable(about.name))
    table.add_row("frames", f"{about.image_size} x {about.image_size} pixels")
    table.add_row("weights", f"{_megabytes(len(weights))}, {about.weights_checksum}")
    names = {"seed": "training seed", "steps": "steps", "dataset_checksum": "training dataset"}
    for name, words in names.items():
        if about.document.get(name) is not None:
            table.add_row(words, printable(about.document[name]))
    if about.card is not None:
        table.add_row("card", printable(about.folder / CARD_FILE))
    console.print(table)


def _verify(path: Path, manifest: Manifest) -> None:
    dataset = DoorDataset(path, manifest)
    damaged = dataset.verify()
    if damaged:
        raise DatasetError(
            f"every part of {path} undamaged",
            f"damaged parts {', '.join(damaged)}",
            f"repair it with `{manifest.config.command(path)}`",
        )
    if manifest.complete:
        dataset.check_values()


def _overview(path: Path, manifest: Manifest) -> Table:
    config, document = manifest.config, manifest.to_json()
    frames = config.doors * config.frames
    sizes = {kind: _size(path, kind) for kind in PART_FOLDERS}
    table = _table(printable(path), "", "")
    table.add_row("doors", f"{config.doors:,} {config.kind}")
    for split, count in document["splits"].items():
        table.add_row(f"  {split}", f"{count:,}")
    table.add_row("frames", f"{frames:,} of {config.image_size} x {config.image_size} pixels")
    table.add_row("interactions", f"{config.doors * config.interactions:,}")
    table.add_row("shards", f"{len(config.shards()):,}, {sizes['shards']}")
    table.add_row("videos", f"{len(config.video_names()):,}, {sizes['videos']}")
    missing = len(manifest.missing)
    table.add_row("parts", f"{missing} missing" if missing else "all there")
    table.add_row("format", f"version {FORMAT_VERSION}, images by {printable(manifest.renderer)}")
    table.add_row("checksum", manifest.checksum)
    return table


def _settings(manifest: Manifest) -> Table:
    table = _table("Settings", "name", "value")
    for name, value in manifest.config.to_json().items():
        table.add_row(name, printable(listing(value) if isinstance(value, tuple) else value))
    return table


def _ranges(manifest: Manifest) -> list[Table]:
    """Fields of a prior from outside doorlab that differ from the prior `default`."""
    if manifest.prior is None:
        return []
    table, usual = _table("Prior, where it is not default", "name", "value"), to_json(DoorPrior())
    for name, value in manifest.prior.items():
        if value != usual.get(name):
            table.add_row(printable(name), printable(value))
    return [table]


def _arrays(path: Path, manifest: Manifest) -> Table:
    config = manifest.config
    table = _table("Arrays, for each door", "name", "dtype", "shape", "bytes", "meaning")
    for spec in config.arrays().values():
        shape = spec.shape(config.doors, config.frames, config.interactions, config.image_size)
        on_disk = sum(bytes_below(path, f"shards/{s}/{spec.name}") for s in config.shards())
        size = " x ".join(str(length) for length in shape[1:])
        stored = "" if is_remote(path) else f"{on_disk / config.doors:,.0f}"
        table.add_row(spec.name, spec.dtype, size, stored, spec.meaning)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=any(columns), box=box.SIMPLE)
    for number, column in enumerate(columns):
        # A truncated cell would end in a character that some terminals can't print.
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    return table


def _size(path: Path, kind: str) -> str:
    if is_remote(path):
        return "of unknown size"
    return _megabytes(bytes_below(path, kind))


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
