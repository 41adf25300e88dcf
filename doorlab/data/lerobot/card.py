"""The README.md of a LeRobot dataset, called the dataset card on dataset hubs.

The text is generated from the features and the manifest, so that it always matches the data.
"""

from __future__ import annotations

import json
from typing import Any

from doorlab.data.dataset import DoorDataset
from doorlab.data.hub.card import WORLD_FRAME, CardInfo, card_header
from doorlab.data.hub.tables import is_category
from doorlab.data.lerobot.episodes import EpisodeSource, door_specs
from doorlab.data.lerobot.layout import CAMERA, CODEBASE_VERSION, INDICES
from doorlab.data.schema import SPLITS
from doorlab.doors.door import HIDDEN_FIELDS

_CARD = """---
{header}
---

# {title}

{episodes:,} episodes of {doors:,} doors, {origin}. An episode is {about}.

Written by doorlab from the dataset with the checksum `{checksum}`, in the format LeRobotDataset
{version}. `doorlab import THIS_FOLDER --out runs/doors` imports the frames: one door per episode.

```python
from lerobot.datasets.lerobot_dataset import LeRobotDataset

dataset = LeRobotDataset("OWNER/NAME")
dataset[0]["{camera}"]  # a tensor (3, {size}, {size})
```

{splits}

## Upload

```sh
hf upload OWNER/NAME THIS_FOLDER . --repo-type dataset
hf repos tag create OWNER/NAME {version} --repo-type dataset
```

LeRobot loads the revision with the tag `{version}`. The page
https://huggingface.co/spaces/lerobot/visualize_dataset?path=OWNER/NAME then shows the episodes.

## Features

{world}{fps} frames per second.

| feature | of one frame | meaning, or unit |
|---|---|---|
{features}

## Episodes

Columns of meta/episodes, in addition to those of LeRobot (`dataset.meta.episodes`):

| column | type | meaning, or unit |
|---|---|---|
{columns}

## Settings

```json
{settings}
```
"""


def lerobot_card(
    dataset: DoorDataset, about: CardInfo, source: EpisodeSource, features: dict[str, Any]
) -> str:
    """The text of README.md, including the YAML header for dataset hubs.

    Args:
        dataset: the dataset.
        about: information that the dataset does not contain.
        source: source of the episodes.
        features: features of a frame as described in meta/info.json.
    """
    config = dataset.config
    settings = {k: v for k, v in config.to_json().items() if k != "names"}
    episodes = dataset.num_doors * source.per_door
    return _CARD.format(
        header=card_header(about, episodes, " data/*/*.parquet", "LeRobot, "),
        title=about.title,
        episodes=episodes,
        doors=dataset.num_doors,
        origin=config.origin,
        about=source.about,
        checksum=dataset.checksum,
        version=CODEBASE_VERSION,
        camera=CAMERA,
        size=dataset.image_size,
        splits=_splits(dataset, source.per_door),
        world=WORLD_FRAME if source.features else "",
        fps=source.fps,
        features="\n".join(_feature_rows(source, features)),
        columns="\n".join(_column_rows(dataset, source)),
        settings=json.dumps({"kind": config.kind, **settings}, indent=2),
    )


def _splits(dataset: DoorDataset, per_door: int) -> str:
    counts = {split: len(dataset.indices(split)) * per_door for split in SPLITS}
    rows = [f"| {split} | {count:,} |" for split, count in counts.items() if count]
    return "\n".join(["| split | episodes |", "|---|---|", *rows])


def _feature_rows(source: EpisodeSource, features: dict[str, Any]) -> list[str]:
    rows = []
    known = {**source.features, **INDICES}
    for name, feature in features.items():
        shape = " x ".join(map(str, feature["shape"]))
        if name == CAMERA:
            kind = "PNG images" if feature["dtype"] == "image" else "H.264 videos"
            rows.append(f"| `{name}` | {feature['dtype']} {shape} | RGB, {kind} |")
            continue
        kind = feature["dtype"] if shape == "1" else f"{feature['dtype']} x {shape}"
        components = ", ".join(f"`{part}`" for part in feature["names"])
        meaning = known[name].meaning + (f". {components}" if shape != "1" else "")
        rows.append(f"| `{name}` | {kind} | {meaning} |")
    return rows


def _column_rows(dataset: DoorDataset, source: EpisodeSource) -> list[str]:
    rows = [
        ("door/index", "int64", "number of the door in the dataset"),
        ("door/split", "string", ", ".join(SPLITS)),
    ]
    if dataset.config.names:
        rows.append(("door/name", "string", "folder or video that the door was imported from"))
    for name, spec in door_specs(dataset).items():
        meaning = spec.meaning.replace(" | ", ", ")
        if name.removeprefix("door/") in HIDDEN_FIELDS:
            meaning = f"{meaning} (not visible in images)".strip()
        kind = "string" if is_category(spec) else _stored_as(spec.dtype)
        kind = f"{kind} x 3" if len(spec.dims) > 1 else kind
        rows.append((name if name.startswith("door/") else f"door/{name}", kind, meaning))
    rows += source.columns
    return [f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in rows]


def _stored_as(dtype: str) -> str:
    """The type of a column in meta/episodes: the widest of its kind."""
    return "bool" if dtype == "bool" else "float64" if dtype.startswith("float") else "int64"
