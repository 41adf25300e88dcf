"""Files and features of LeRobotDataset v3.0, a format for recordings of robots.

    meta/info.json                                features, counts, frames per second
    meta/stats.json                               statistics of every feature
    meta/tasks.parquet                            tasks in words
    meta/episodes/chunk-000/file-000.parquet      one row per episode
    data/chunk-000/file-000.parquet               one row per frame
    videos/CAMERA/chunk-000/file-000.mp4          the frames of many episodes, one after the other

The format is described at https://huggingface.co/docs/lerobot/lerobot-dataset-v3. This module needs
no pyarrow, so that `doorlab import` can recognize a folder without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CODEBASE_VERSION = "v3.0"
INFO_FILE, STATS_FILE, TASKS_FILE = "meta/info.json", "meta/stats.json", "meta/tasks.parquet"
EPISODES_FOLDER = "meta/episodes"
ORIGIN_FILE = "meta/doorlab.json"  # marks an export of doorlab; LeRobot ignores the file
CHUNK_FILES = 1000  # files per folder
CAMERA = "observation.images.door"
LEROBOT_VIDEO = re.compile(r"file-\d{3,}\.mp4")  # name of a video in a LeRobot dataset

_FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
EPISODES_PATH = f"{EPISODES_FOLDER}/{_FILE}.parquet"
DATA_PATH = f"data/{_FILE}.parquet"
VIDEO_PATH = f"videos/{{video_key}}/{_FILE}.mp4"

_DEEPEST = 4  # number of folders between a video of LeRobot and the folder of its dataset


@dataclass(frozen=True)
class Feature:
    """A feature of every frame: a vector of numbers.

    Attributes:
        dtype: a NumPy dtype ("float32").
        names: names of the components.
        meaning: meaning and unit, for the card.
    """

    dtype: str
    names: tuple[str, ...]
    meaning: str

    def to_json(self) -> dict[str, Any]:
        """The feature as described in meta/info.json."""
        return {"dtype": self.dtype, "shape": [len(self.names)], "names": list(self.names)}


# The features that LeRobot itself adds to every dataset.
INDICES: dict[str, Feature] = {
    "timestamp": Feature("float32", ("timestamp",), "s, from the start of the episode"),
    "frame_index": Feature("int64", ("frame_index",), "number of the frame in its episode"),
    "episode_index": Feature("int64", ("episode_index",), "number of the episode"),
    "index": Feature("int64", ("index",), "number of the frame in the dataset"),
    "task_index": Feature("int64", ("task_index",), "row of meta/tasks.parquet"),
}


def image_feature(size: int) -> dict[str, Any]:
    """A camera whose frames are PNG images of `size` x `size` pixels in the data files."""
    names = ["height", "width", "channels"]
    return {"dtype": "image", "shape": [size, size, 3], "names": names}


def video_feature(size: int, fps: int) -> dict[str, Any]:
    """A camera whose frames are in H.264 videos."""
    info = {
        "video.height": size,
        "video.width": size,
        "video.channels": 3,
        "video.codec": "h264",
        "video.pix_fmt": "yuv420p",
        "video.fps": fps,
        "video.is_depth_map": False,
        "has_audio": False,
    }
    return {**image_feature(size), "dtype": "video", "info": info}


def is_lerobot_dataset(folder: Path) -> bool:
    """Whether a folder is the root of a LeRobot dataset of any version."""
    return (folder / INFO_FILE).is_file()


def lerobot_root_above(folder: Path) -> Path | None:
    """The root of the LeRobot dataset that `folder` is a part of; None for other folders."""
    above = [folder.absolute(), *folder.absolute().parents][1 : _DEEPEST + 1]
    return next(filter(is_lerobot_dataset, above), None)
