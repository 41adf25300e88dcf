"""Export a dataset for a dataset hub, or a model for programs without torch.

parquet: Parquet files, a dataset card and the videos of a dataset. One row is one door, with its
frames as PNG images, its parameters, actions and rewards. The card (README.md) explains every
column. Upload the folder without changes, for example with
`hf upload OWNER/NAME OUT . --repo-type dataset`. `doorlab import OUT --out NEW` restores the
dataset, with the same checksum. An export of imported footage also contains the path of the
footage and the names of its folders and videos, which are published with the export.

This format needs pyarrow: `pip install 'doorlab[hub]'`.

onnx: the model of a run of `doorlab train` or `doorlab pretrain` as ONNX files. embed.onnx computes
the embedding of a door, reward.onnx predicts the rewards of actions, decode.onnx decodes latents to
images. onnx.json describes their inputs and outputs. A program needs onnxruntime to run them; the
export itself needs `pip install 'doorlab[onnx]'`, and takes about half a minute.
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
    """Dataset or model to export, output folder and format."""

    source: Positional[Path]
    """Folder of the dataset, or of the run with the model."""
    out: Path = Path("runs/export")
    """Folder of the export."""
    format: Literal["parquet", "onnx"] = "parquet"
    """Format of the export. parquet: Parquet files and a card of a dataset; onnx: ONNX files of a
    model."""
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

    Raises ConfigError if a library that the format needs is not installed. `data.hub.export` and
    `onnx_export.export` document the other errors.
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


def _export_onnx(config: Config) -> Path:
    from doorlab.onnx_export.export import export_model

    export_model(config.source, config.out, overwrite=config.overwrite)
    return config.out


_EXPORTERS: dict[str, Callable[[Config], Path]] = {
    "parquet": _export_parquet,
    "onnx": _export_onnx,
}
