"""Write a dataset in the form that dataset hubs display: Parquet files, a card, the videos.

One row is one door, with its frames as PNG pictures, its parameters, actions and rewards. The card
(README.md) says what every column means. Upload the folder as it is, for example with
`hf upload OWNER/NAME OUT . --repo-type dataset`; `doorlab import OUT --out NEW` makes the dataset
again, under the same checksum. Of footage, the path that it was imported from and the names of its
folders and videos are part of the dataset, and are published with it.

Needs pyarrow: `pip install 'doorlab[hub]'`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from doorlab.data.dataset import DoorDataset
from doorlab.limits import PositiveInt, check_limits


@dataclass(frozen=True, kw_only=True)
class Config:
    """Which dataset, and where to."""

    data: Positional[Path]
    """Folder of the dataset."""
    out: Path = Path("runs/export")
    """Folder of the export."""
    title: str = "Doors"
    """Title of the dataset card."""
    license: str = ""
    """Licence of the data as hubs name it (mit, cc-by-4.0, ...); none is stated if empty."""
    file_doors: PositiveInt = 1000
    """Doors per Parquet file, at most."""
    overwrite: bool = False
    """Replace an earlier export in --out."""

    def __post_init__(self) -> None:
        check_limits(self)


def run(config: Config) -> Path:
    """Writes the export; returns its folder. See `data.hub.export` for the errors.

    Raises ConfigError where there is no pyarrow.
    """
    from doorlab.data.hub.card import CardInfo
    from doorlab.data.hub.export import export_dataset

    export_dataset(
        DoorDataset.open(config.data),
        config.out,
        CardInfo(config.title, config.license),
        file_doors=config.file_doors,
        overwrite=config.overwrite,
    )
    return config.out
