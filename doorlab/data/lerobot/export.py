"""Exports datasets as LeRobotDataset v3.0 (`doorlab.data.lerobot.layout`).

An export is written completely or not at all, and contains a dataset card (README.md). The episodes
of training doors come first, then those of validation doors and of test doors, as meta/info.json
states. meta/doorlab.json contains the settings and the checksum of the dataset. Unlike an export to
Parquet, the export does not restore the dataset: `doorlab import` reads its frames.
Requires pyarrow (extra `hub`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from doorlab.data.dataset import DoorDataset
from doorlab.data.hub.card import CardInfo
from doorlab.data.hub.folders import export_folder
from doorlab.data.lerobot.card import lerobot_card
from doorlab.data.lerobot.episodes import Episode, EpisodeSource
from doorlab.data.lerobot.layout import (
    CAMERA,
    EPISODES_FOLDER,
    INFO_FILE,
    ORIGIN_FILE,
    STATS_FILE,
    TASKS_FILE,
)
from doorlab.data.lerobot.writer import LeRobotWriter
from doorlab.data.schema import SPLITS
from doorlab.errors import ConfigError
from doorlab.storage.files import atomic_write_json, atomic_write_text
from doorlab.storage.folders import refuse_inside
from doorlab.terminal.progress import progress_bar

_NUMBERED = r"(/chunk-\d+(/file-\d+\.{})?)?"
_FILES = "|".join(
    [
        "README\\.md|meta",
        *map(re.escape, (INFO_FILE, STATS_FILE, TASKS_FILE, ORIGIN_FILE)),
        EPISODES_FOLDER + _NUMBERED.format("parquet"),
        "data" + _NUMBERED.format("parquet"),
        f"videos(/{re.escape(CAMERA)}{_NUMBERED.format('mp4')})?",
    ]
)  # these files, and their folders if empty


def export_lerobot(
    dataset: DoorDataset,
    out: str | Path,
    about: CardInfo,
    source: EpisodeSource,
    *,
    video: bool = False,
    file_doors: int = 1000,
    overwrite: bool = False,
) -> None:
    """Writes `dataset` to the folder `out` as a LeRobotDataset v3.0.

    Args:
        dataset: dataset of any kind.
        out: a folder that does not exist or is empty; with `overwrite`, it may hold an earlier
            export in this format.
        about: information for the card that the dataset does not contain.
        source: the episodes: `episodes.FrameEpisodes` or `films.FilmEpisodes` of `dataset`.
        video: whether to write the images as H.264 videos, with losses, instead of PNG images.
        file_doors: maximum number of doors per file.
        overwrite: replace an earlier export.

    Raises:
        ConfigError: if `file_doors` is below 1, if `out` is inside the dataset, and for videos of
            images with an odd size.
        DatasetError: if the dataset cannot be read.
        ResultError: if `out` already holds files, cannot be written, or another process writes
            to it.
        SimulatorError: if the simulator of `source` cannot run here.
    """
    if file_doors < 1:
        raise ConfigError("file_doors of at least 1", f"{file_doors}", "correct --file-doors")
    if video and dataset.image_size % 2:
        raise ConfigError(
            "images of an even size for H.264 videos",
            f"{dataset.image_size} pixels in {dataset.path}",
            "export images instead of videos",
        )
    out = Path(out)
    refuse_inside(out, dataset.path, "the dataset")
    with (
        export_folder(out, ORIGIN_FILE, _is_exported, overwrite=overwrite) as folder,
        progress_bar("export", "episodes", dataset.num_doors * source.per_door) as advance,
    ):
        writer = LeRobotWriter(folder, source, dataset.image_size, video=video)
        order = np.concatenate([dataset.indices(split) for split in SPLITS])
        for first in range(0, len(order), file_doors):
            doors = order[first : first + file_doors]
            writer.write_file(_counted(source.episodes(doors), advance))
        writer.finish(_ranges(dataset, source.per_door))
        atomic_write_json(folder / ORIGIN_FILE, {"manifest": dataset.manifest.to_json()})
        card = lerobot_card(dataset, about, source, writer.features())
        atomic_write_text(folder / "README.md", card)


def _counted(episodes: Iterator[Episode], advance: Callable[[int], None]) -> Iterator[Episode]:
    for episode in episodes:
        yield episode
        advance(1)


def _ranges(dataset: DoorDataset, per_door: int) -> dict[str, str]:
    """Maps every split that has doors to its range of episodes, "first:last + 1"."""
    ranges, first = {}, 0
    for split in SPLITS:
        last = first + per_door * len(dataset.indices(split))
        if last > first:
            ranges[split] = f"{first}:{last}"
        first = last
    return ranges


def _is_exported(file: str) -> bool:
    """Whether an export can contain a file of this name."""
    return re.fullmatch(_FILES, file) is not None
