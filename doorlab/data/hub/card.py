"""The README.md of an exported dataset, called the dataset card on dataset hubs.

The text is generated from the manifest and the schema, so that it always matches the data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from doorlab.data.config import DatasetConfig
from doorlab.data.hub.tables import columns, is_category, is_image_array
from doorlab.data.manifest import Manifest
from doorlab.data.schema import SPLITS, ArraySpec
from doorlab.doors.door import HIDDEN_FIELDS

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))

_CARD = """---
{header}
---

# {title}

{doors:,} doors, {origin}. One row is one door: {frames} images of {size} x {size}
pixels{touched}. Written by doorlab; `doorlab import THIS_FOLDER --out runs/doors` restores the
original dataset, checksum `{checksum}`.

```python
from datasets import load_dataset

doors = load_dataset("OWNER/NAME", split="train")
doors[0]["images"][0]  # a PIL image
```

| split | doors |
|---|---|
{splits}

## Columns

{frame_of_reference}| column | of one door | meaning, or unit |
|---|---|---|
{columns}
{videos}
## Settings

```json
{settings}
```
"""


WORLD_FRAME = """Lengths in meters, angles in radians, masses in kilograms. x runs along the wall,
to the right from the robot's viewpoint, y away from the robot, z up; the origin is on the floor
below the middle of the opening.

"""


@dataclass(frozen=True)
class CardInfo:
    """Information for the card that the dataset itself does not contain."""

    title: str = "Doors"
    """Title of the card."""
    license: str = ""
    """License of the data as hubs name it (mit, cc-by-4.0, ...); if empty, none is stated."""


def dataset_card(manifest: Manifest, about: CardInfo) -> str:
    """The text of README.md, including the YAML header for dataset hubs."""
    document, config = manifest.to_json(), manifest.config
    counts = {split: document["splits"][split] for split in SPLITS if document["splits"][split]}
    settings = {k: v for k, v in config.to_json().items() if k != "names"}
    videos = len(config.video_names())
    return _CARD.format(
        header=card_header(about, config.doors, _data_files(list(counts))),
        title=about.title,
        doors=config.doors,
        origin=config.origin,
        frames=config.frames,
        size=config.image_size,
        touched=f", {config.interactions} interactions" if config.interactions else "",
        checksum=manifest.checksum,
        splits="\n".join(f"| {split} | {count:,} |" for split, count in counts.items()),
        frame_of_reference=WORLD_FRAME if config.arrays().keys() - {"images", "split"} else "",
        columns="\n".join(_rows(config)),
        videos=f"\n`videos/` has videos of the first {videos} doors.\n" if videos else "",
        settings=json.dumps({"kind": config.kind, **settings}, indent=2),
    )


def _size_category(rows: int) -> str:
    """The size category of a dataset with this number of rows, as hubs name it."""
    return next((name for limit, name in _SIZES if rows < limit), "n>1M")


def card_header(about: CardInfo, rows: int, data_files: str, tags: str = "") -> str:
    """The YAML header of a card.

    Args:
        about: title and license.
        rows: number of rows of the dataset on the hub.
        data_files: value of `data_files`, as YAML, with its line breaks.
        tags: further tags before those of all doors ("LeRobot, ").
    """
    lines = [f"license: {json.dumps(about.license)}"] if about.license else []
    lines += [
        f"pretty_name: {json.dumps(about.title)}",
        "task_categories: [robotics]",
        f"tags: [{tags}doors, articulated-objects, doorlab]",
        f"size_categories: [{json.dumps(_size_category(rows))}]",
        "configs:",
        "- config_name: default",
        f"  data_files:{data_files}",
    ]
    return "\n".join(lines)


def _data_files(splits: list[str]) -> str:
    parts = (f"\n  - split: {split}\n    path: data/{split}-*.parquet" for split in splits)
    return "".join(parts)


def _rows(config: DatasetConfig) -> list[str]:
    rows = ["| `door` | int64 | number of the door in the dataset |"]
    if config.names:
        rows.append("| `name` | string | folder or video that the door was imported from |")
    for column, spec in columns(config).items():
        meaning = spec.meaning.replace(" | ", ", ")
        if spec.name.removeprefix("door/") in HIDDEN_FIELDS:
            meaning = f"{meaning} (not visible in images)".strip()
        rows.append(f"| `{column}` | {_holds(config, spec)} | {meaning} |")
    return rows


def _holds(config: DatasetConfig, spec: ArraySpec) -> str:
    if is_category(spec):
        return "string"
    shape = spec.shape(1, config.frames, config.interactions, config.image_size)[1:]
    if is_image_array(spec):
        return f"{shape[0]} PNG images"
    return " x ".join([spec.dtype, *map(str, shape)]) if shape else spec.dtype
