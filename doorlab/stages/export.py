"""Export a dataset for a dataset hub: Parquet files, a dataset card and the videos.

One row is one door, with its frames as PNG images, its parameters, actions and rewards. The card
(README.md) explains every column. Upload the folder without changes, for example with
`hf upload OWNER/NAME OUT . --repo-type dataset`. `doorlab import OUT --out NEW` restores the
dataset, with the same checksum. An export of imported footage also contains the path of the
footage and the names of its folders and videos, which are published with the export.

The command needs pyarrow: `pip install 'doorlab[hub]'`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from doorlab.data.dataset import DoorDataset
from doorlab.limits import PositiveInt, check_limits


@dataclass(frozen=True, kw_only=True)
class Config:
    """Dataset to export, output folder and dataset card."""

    source: Positional[Path]
    """Folder of the dataset to export."""
    out: Path = Path("runs/export")
    """Folder of the export."""
    format: Literal["parquet"] = "parquet"
    """Format of the export. parquet: Parquet files and a dataset card."""
    title: str = "Doors"
    """Title of the dataset card."""
    license: str = ""
    """License identifier of the data on hubs (mit, cc-by-4.0, ...); if empty, the card states no
    license."""
    file_doors: PositiveInt = 1000
    """Maximum number of doors per Parquet file."""
    overwrite: bool = False
    """Replace an existing export in --out."""

    def __post_init__(self) -> None:
        check_limits(self)


def run(config: Config) -> Path:
    """Writes the export; returns its folder.

    Raises ConfigError if pyarrow is not installed. `data.hub.export` documents the other errors.
    """
    return _EXPORTERS[config.format](config)


def _export_parquet(config: Config) -> Path:
    from doorlab.data.hub.card import CardInfo
    from doorlab.data.hub.export import export_dataset

    export_dataset(
        DoorDataset.open(config.source),
        config.out,
        CardInfo(config.title, config.license),
        file_doors=config.file_doors,
        overwrite=config.overwrite,
    )
    return config.out


_EXPORTERS: dict[str, Callable[[Config], Path]] = {"parquet": _export_parquet}
