"""Export a dataset for a dataset hub: Parquet files, a dataset card and the videos.

With --format parquet one row is one door, with its frames as PNG images, its parameters, actions
and rewards. The card (README.md) explains every column. Upload the folder without changes, for
example with `hf upload OWNER/NAME OUT . --repo-type dataset`. `doorlab import OUT --out NEW`
restores the dataset, with the same checksum.

With --format lerobot the output is a LeRobotDataset v3.0. An episode contains the frames of one
door, or with --interactions the film of one interaction: images, poses of the hand (of the arm, for
the simulator panda), the joint position of the door, and the reward. The columns of an episode are
the parameters of its door. `doorlab import OUT --out NEW` imports the frames.

An export of imported footage also contains the path of the footage and the names of its folders and
videos, which are published with the export.

The command needs pyarrow: `pip install 'doorlab[hub]'`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional

from doorlab.data.dataset import DoorDataset
from doorlab.errors import ConfigError
from doorlab.limits import NonNegativeInt, PositiveInt, check_limits, flag, from_to


@dataclass(frozen=True, kw_only=True)
class Config:
    """Dataset to export, output folder and dataset card."""

    source: Positional[Path]
    """Folder of the dataset to export."""
    out: Path = Path("runs/export")
    """Folder of the export."""
    format: Literal["parquet", "lerobot"] = "parquet"
    """Format of the export. parquet: Parquet files and a dataset card. lerobot: LeRobotDataset
    v3.0."""
    title: str = "Doors"
    """Title of the dataset card."""
    license: str = ""
    """License identifier of the data on hubs (mit, cc-by-4.0, ...); if empty, the card states no
    license."""
    file_doors: PositiveInt = 1000
    """Maximum number of doors per Parquet file."""
    interactions: NonNegativeInt = 0
    """With --format lerobot: number of interactions per door to export as films; 0 exports the
    passive frames."""
    fps: Annotated[int, from_to(1, 240)] = 10
    """With --interactions: frames per second of the films."""
    video: bool = False
    """With --format lerobot: write the images as H.264 videos, which lose detail, instead of PNG
    images."""
    overwrite: bool = False
    """Replace an existing export in --out."""

    def __post_init__(self) -> None:
        check_limits(self)
        if self.format != "lerobot":
            self._require(_LEROBOT, "--format lerobot", f"--format {self.format}")
        elif not self.interactions:
            self._require(("fps",), "--interactions", "none")

    def _require(self, names: tuple[str, ...], needed: str, got: str) -> None:
        """Raises ConfigError if one of the options `names` is not at its default."""
        default = {f.name: f.default for f in fields(self)}
        given = [flag(name) for name in names if getattr(self, name) != default[name]]
        if given:
            options = " and ".join(given)
            raise ConfigError(f"{needed} with {options}", got, f"add {needed}, or remove {options}")


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


def _export_lerobot(config: Config) -> Path:
    from doorlab.data.hub.card import CardInfo
    from doorlab.data.lerobot.episodes import FrameEpisodes
    from doorlab.data.lerobot.export import export_lerobot
    from doorlab.data.lerobot.films import FilmEpisodes

    dataset = DoorDataset.open(config.source)
    if config.interactions:
        episodes = FilmEpisodes(dataset, config.interactions, config.fps)
    else:
        episodes = FrameEpisodes(dataset)
    export_lerobot(
        dataset,
        config.out,
        CardInfo(config.title, config.license),
        episodes,
        video=config.video,
        file_doors=config.file_doors,
        overwrite=config.overwrite,
    )
    return config.out


_LEROBOT = ("interactions", "fps", "video")  # options of this format only
_EXPORTERS: dict[str, Callable[[Config], Path]] = {
    "parquet": _export_parquet,
    "lerobot": _export_lerobot,
}
