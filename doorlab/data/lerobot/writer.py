"""Writes episodes as the files of a LeRobotDataset v3.0 (`doorlab.data.lerobot.layout`).

Files are numbered from 0. File number n of the data, of the videos and of the episodes holds the
same episodes. Requires pyarrow (extra `hub`).

Legend: K frames of an episode, n numbers per frame.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from doorlab.data.hub.tables import image_feature_type, pa, png, pq
from doorlab.data.lerobot.episodes import Episode, EpisodeSource
from doorlab.data.lerobot.layout import (
    CAMERA,
    CHUNK_FILES,
    CODEBASE_VERSION,
    DATA_PATH,
    EPISODES_PATH,
    INDICES,
    INFO_FILE,
    STATS_FILE,
    TASKS_FILE,
    VIDEO_PATH,
    Feature,
    image_feature,
    video_feature,
)
from doorlab.data.lerobot.statistics import histogram, image_statistics, vector_statistics
from doorlab.data.video_writer import VideoEncoder
from doorlab.storage.files import atomic_write_json

_VIDEO_MEGABYTES, _DATA_MEGABYTES = 200, 100  # LeRobot's limits when it adds episodes
_KEYFRAMES = 2  # every second frame of a video can be read without its predecessors, as in LeRobot


class LeRobotWriter:
    """Writes episodes to a folder, one after the other.

    Args:
        folder: an existing folder.
        source: source of the episodes.
        size: height and width of the images, pixels.
        video: whether to write the images as H.264 videos instead of PNG images.
    """

    def __init__(self, folder: Path, source: EpisodeSource, size: int, *, video: bool) -> None:
        self._folder, self._source, self._size, self._video = folder, source, size, video
        self._features = {**source.features, **INDICES}
        self._schema = _schema(self._features, with_images=not video)
        self._values: dict[str, list[np.ndarray]] = {name: [] for name in self._features}
        self._levels = np.zeros((3, 256), np.int64)
        self._episodes = self._frames = self._files = 0

    def write_file(self, episodes: Iterable[Episode]) -> None:
        """Writes the next file of data, of episodes and of videos, from at least one episode."""
        chunk, file = divmod(self._files, CHUNK_FILES)
        place = {"chunk_index": chunk, "file_index": file}
        rows: list[dict[str, Any]] = []
        shown = 0  # frames in the video
        with (
            self._new(DATA_PATH, place) as opened,
            pq.ParquetWriter(opened, self._schema) as writer,
            self._video_file(place) as add_to_video,
        ):
            for episode in episodes:
                rows.append(self._row(episode, place, shown))
                writer.write_table(self._add(episode))  # a row group is an episode
                shown += len(episode.images)
                add_to_video(episode.images)
        with self._new(EPISODES_PATH, place) as opened:
            pq.write_table(pa.Table.from_pylist(rows), opened)
        self._files += 1

    def finish(self, splits: dict[str, str]) -> None:
        """Writes the files about the whole dataset; `splits` maps names to ranges ("0:12")."""
        statistics = {name: vector_statistics(_joined(v)) for name, v in self._values.items()}
        statistics[CAMERA] = image_statistics(self._levels, self._frames)
        atomic_write_json(self._folder / STATS_FILE, statistics)
        with (self._folder / TASKS_FILE).open("wb") as opened:
            pq.write_table(_tasks(self._source.task), opened)
        atomic_write_json(self._folder / INFO_FILE, self._info(splits))

    def features(self) -> dict[str, Any]:
        """The features of a frame as described in meta/info.json, the camera first."""
        fps = self._source.fps
        camera = video_feature(self._size, fps) if self._video else image_feature(self._size)
        return {CAMERA: camera, **{name: f.to_json() for name, f in self._features.items()}}

    def _info(self, splits: dict[str, str]) -> dict[str, Any]:
        return {
            "codebase_version": CODEBASE_VERSION,
            "robot_type": self._source.robot,
            "fps": self._source.fps,
            "total_episodes": self._episodes,
            "total_frames": self._frames,
            "total_tasks": 1,
            "chunks_size": CHUNK_FILES,
            "data_files_size_in_mb": _DATA_MEGABYTES,
            "video_files_size_in_mb": _VIDEO_MEGABYTES,
            "data_path": DATA_PATH,
            "video_path": VIDEO_PATH if self._video else None,
            "splits": splits,
            "features": self.features(),
        }

    def _row(self, episode: Episode, place: dict[str, int], shown: int) -> dict[str, Any]:
        """The row of an episode in meta/episodes, before the episode is added."""
        frames, fps = len(episode.images), self._source.fps
        row: dict[str, Any] = {
            "episode_index": self._episodes,
            "tasks": [self._source.task],
            "length": frames,
            "dataset_from_index": self._frames,
            "dataset_to_index": self._frames + frames,
            **{f"data/{name}": number for name, number in place.items()},
            **{f"meta/episodes/{name}": number for name, number in place.items()},
        }
        if self._video:
            row |= {f"videos/{CAMERA}/{name}": number for name, number in place.items()}
            row[f"videos/{CAMERA}/from_timestamp"] = shown / fps
            row[f"videos/{CAMERA}/to_timestamp"] = (shown + frames) / fps
        row |= episode.columns
        values = {**episode.values, **self._indices(frames)}
        for name in self._features:
            for key, number in vector_statistics(values[name]).items():
                row[f"stats/{name}/{key}"] = number
        for key, number in image_statistics(histogram(episode.images), frames).items():
            row[f"stats/{CAMERA}/{key}"] = number
        return row

    def _add(self, episode: Episode) -> pa.Table:
        """Counts an episode; returns its rows of the data."""
        frames, number = len(episode.images), self._episodes
        values = {**episode.values, **self._indices(frames)}
        columns = {name: _column(values[name], f) for name, f in self._features.items()}
        if not self._video:
            images = [
                {"bytes": png(image), "path": f"episode-{number:06d}-frame-{k:06d}.png"}
                for k, image in enumerate(episode.images)
            ]
            columns[CAMERA] = pa.array(images, type=image_feature_type())
        for name in self._features:
            self._values[name].append(values[name])
        self._levels += histogram(episode.images)
        self._episodes, self._frames = number + 1, self._frames + frames
        return pa.table(columns, schema=self._schema)

    def _indices(self, frames: int) -> dict[str, np.ndarray]:
        """The features `layout.INDICES` of the next episode, (K, 1) each."""
        numbers = np.arange(frames, dtype=np.int64)[:, None]
        return {
            "timestamp": (numbers / self._source.fps).astype(np.float32),
            "frame_index": numbers,
            "episode_index": np.full_like(numbers, self._episodes),
            "index": self._frames + numbers,
            "task_index": np.zeros_like(numbers),
        }

    @contextlib.contextmanager
    def _video_file(self, place: dict[str, int]) -> Iterator[Callable[[np.ndarray], None]]:
        """Yields a function that adds images to the video; without videos it does nothing."""
        if not self._video:
            yield lambda images: None
            return
        with self._new(VIDEO_PATH, place) as file:
            encoder = VideoEncoder(file, self._size, self._size, self._source.fps, _KEYFRAMES)
            yield encoder.add
            encoder.close()

    def _new(self, template: str, place: dict[str, int]) -> io.BufferedWriter:
        path = self._folder / template.format(video_key=CAMERA, **place)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")


def _schema(features: dict[str, Feature], *, with_images: bool) -> pa.Schema:
    """The Arrow schema of the data, with the metadata that `datasets` reads."""
    types: dict[str, pa.DataType] = {CAMERA: image_feature_type()} if with_images else {}
    described: dict[str, Any] = {CAMERA: {"_type": "Image"}} if with_images else {}
    for name, feature in features.items():
        number = pa.from_numpy_dtype(np.dtype(feature.dtype))
        value, length = {"dtype": feature.dtype, "_type": "Value"}, len(feature.names)
        scalar = length == 1  # LeRobot stores vectors of one number as numbers
        types[name] = number if scalar else pa.list_(number, length)
        described[name] = (
            value if scalar else {"feature": value, "length": length, "_type": "Sequence"}
        )
    metadata = {"huggingface": json.dumps({"info": {"features": described}})}
    return pa.schema(list(types.items()), metadata=metadata)


def _column(values: np.ndarray, feature: Feature) -> pa.Array:
    flat = pa.array(values.astype(feature.dtype).reshape(-1))
    length = len(feature.names)
    return flat if length == 1 else pa.FixedSizeListArray.from_arrays(flat, length)


def _tasks(task: str) -> pa.Table:
    """The table of tasks; its metadata make pandas use the column `task` as the index."""
    table = pa.table({"task_index": pa.array([0], pa.int64()), "task": pa.array([task])})
    columns = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": dtype}
        for name, kind, dtype in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ]
    about = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [{**column, "metadata": None} for column in columns],
        "pandas_version": "2.2.0",
    }
    return table.replace_schema_metadata({"pandas": json.dumps(about)})


def _joined(values: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(values)
