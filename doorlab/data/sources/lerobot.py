"""Reads the frames of a LeRobotDataset v3.0: every episode is a door.

A video file holds many episodes, one after the other; meta/episodes states where each begins and
ends. Images in the data files are read there. Requires pyarrow (extra `hub`).

Legend: M frames, S pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.error import FFmpegError

from doorlab.data.hub.tables import pa, pq
from doorlab.data.lerobot.layout import (
    CODEBASE_VERSION,
    DATA_PATH,
    EPISODES_FOLDER,
    INFO_FILE,
    VIDEO_PATH,
)
from doorlab.data.sources import video_files
from doorlab.data.sources.footage import Fit, UnreadableError, evenly, to_square
from doorlab.data.sources.image_files import decode_image
from doorlab.errors import ConfigError, DatasetError, unknown_name
from doorlab.limits import Limits, at_least
from doorlab.storage.files import read_json

_CONVERTER = "python -m lerobot.scripts.convert_dataset_v21_to_v30"
_DOWNLOAD = "download the dataset again"
_NUMBER, _FPS, _SECONDS = at_least(0), Limits(1e-3, 1e6), Limits(0)
_KEYS = ("episode_index", "length", "chunk_index", "file_index", "from_timestamp", "to_timestamp")
_FIELD = re.compile(r"\{(video_key|chunk_index|file_index)(?::0(\d)d)?\}")


@dataclass(frozen=True)
class _Place:
    """Where the frames of an episode are.

    Attributes:
        file: data file or video.
        length: number of frames.
        start: s, where the episode begins in the video; 0 for images.
    """

    file: Path
    length: int
    start: float = 0.0


class LeRobotFrames:
    """The frames of one camera of a LeRobot dataset.

    Args:
        source: root of the dataset, the folder that contains meta/info.json.
        camera: key of the camera ("observation.images.front"); "" for the only camera.

    Attributes:
        camera: key of the camera.
        names: name of every episode, "episode-000000", in ascending order.

    Raises:
        ConfigError: for an unknown camera, and if `camera` is "" and there are several.
        DatasetError: for another version, and for missing or damaged files.
    """

    def __init__(self, source: Path, camera: str = "") -> None:
        self._source = source
        self._info = _read_info(source)
        self.camera = _chosen_camera(self._info["features"], camera, source)
        self._is_video = self._info["features"][self.camera]["dtype"] == "video"
        self._fps = float(self._info["fps"])
        self._places = self._read_places()
        self.names = tuple(f"episode-{number:06d}" for number in sorted(self._places))

    def length(self, name: str) -> int:
        """Number of frames of the episode `name`."""
        return self._place(name).length

    def read(self, name: str, frames: int, size: int, fit: Fit) -> np.ndarray:
        """uint8 (M, S, S, 3): frames of an episode, evenly spaced from the first to the last.

        Args:
            name: name of the episode.
            frames: M.
            size: S, pixels.
            fit: as for `footage.to_square`.

        Raises DatasetError if the episode has fewer frames, UnreadableError if its files are
        missing or damaged.
        """
        place = self._place(name)
        if place.length < frames:
            raise DatasetError(
                f"at least {frames} frames in {name} of {self._source}",
                f"{place.length}",
                "use a smaller --frames",
            )
        wanted = evenly(place.length, frames)
        with _readable(place.file, name):
            if self._is_video:
                images = self._from_video(place, wanted)
            else:
                images = self._from_table(place, _number(name), wanted)
            return np.stack([to_square(images[number], size, fit) for number in wanted])

    def _place(self, name: str) -> _Place:
        try:
            return self._places[_number(name)]
        except (LookupError, ValueError):
            raise _damaged(f"{name} in {self._source}", "no such episode") from None

    def _from_video(self, place: _Place, wanted: list[int]) -> dict[int, np.ndarray]:
        found = dict(video_files.read_section(place.file, place.start, self._fps, wanted))
        missing = sorted(set(wanted) - set(found))
        if missing:
            at = place.start + missing[0] / self._fps
            raise ValueError(f"a video without a frame at {at:.3f} s")
        return found

    def _from_table(self, place: _Place, episode: int, wanted: list[int]) -> dict[int, np.ndarray]:
        columns = [self.camera, "episode_index", "frame_index"]
        with place.file.open("rb") as opened:
            _require_columns(pq.read_schema(opened), columns)
            rows = pq.read_table(
                opened,
                columns=columns,
                filters=[("episode_index", "==", episode)],
                use_threads=False,
            ).to_pylist()
        of_frame = {row["frame_index"]: row[self.camera] for row in rows}
        missing = sorted(set(wanted) - set(of_frame))
        if missing:
            raise ValueError(f"no frame {missing[0]} of episode {episode}")
        return {number: _decoded(of_frame[number]) for number in wanted}

    def _read_places(self) -> dict[int, _Place]:
        files = sorted((self._source / EPISODES_FOLDER).glob("*/*.parquet"))
        if not files:
            folder = self._source / EPISODES_FOLDER
            raise _damaged(f"Parquet files below {folder}", "none")
        places: dict[int, _Place] = {}
        for file in files:
            for row in self._episode_rows(file):
                with _valid(file):
                    number, place = self._parsed(row)
                    if number in places:
                        raise ValueError(f"episode {number} twice")
                    places[number] = place
        if not places:
            raise _damaged(f"episodes in {self._source}", "none")
        return places

    def _episode_rows(self, file: Path) -> list[dict[str, Any]]:
        kind = f"videos/{self.camera}" if self._is_video else "data"
        columns = ["episode_index", "length", f"{kind}/chunk_index", f"{kind}/file_index"]
        if self._is_video:
            columns += [f"{kind}/from_timestamp", f"{kind}/to_timestamp"]
        with _valid(file), file.open("rb") as opened:
            _require_columns(pq.read_schema(opened), columns)
            rows = pq.read_table(opened, columns=columns, use_threads=False).to_pylist()
        return [dict(zip(_KEYS, row.values(), strict=False)) for row in rows]

    def _parsed(self, row: dict[str, Any]) -> tuple[int, _Place]:
        """Number and place of an episode. Raises ValueError for odd values."""
        for key, value in row.items():
            limits = _SECONDS if key in _KEYS[4:] else _NUMBER
            if not limits.admits(value):
                raise ValueError(f"{key} {value!r} in episode {row['episode_index']!r}")
        template = self._info["video_path"] if self._is_video else self._info["data_path"]
        file = self._source / _path(template, {**row, "video_key": self.camera})
        if not self._is_video:
            return row["episode_index"], _Place(file, row["length"])
        frames = (row["to_timestamp"] - row["from_timestamp"]) * self._fps
        if abs(frames - row["length"]) > 1.0:
            got = f"{frames:.1f} frames in the video and a length of {row['length']}"
            raise ValueError(f"{got} for episode {row['episode_index']}")
        return row["episode_index"], _Place(file, row["length"], row["from_timestamp"])


def _read_info(source: Path) -> dict[str, Any]:
    """The content of meta/info.json. Raises DatasetError for another version, or if damaged."""
    file = source / INFO_FILE
    info = {"data_path": DATA_PATH, "video_path": VIDEO_PATH}
    info |= read_json(file, DatasetError, _DOWNLOAD)
    version, expected = info.get("codebase_version"), f"a LeRobot dataset {CODEBASE_VERSION}"
    if version != CODEBASE_VERSION:
        old = isinstance(version, str) and version.startswith("v2")
        fix = (
            f"convert it with `{_CONVERTER} --repo-id=OWNER/NAME --root={source} "
            "--push-to-hub=false`, where lerobot is installed"
            if old
            else f"convert it to {CODEBASE_VERSION} with lerobot"
        )
        raise DatasetError(f"{expected} in {source}", f"version {version!r}", fix)
    if not _FPS.admits(info.get("fps")):
        raise _damaged(f"fps as {_FPS} in {file}", f"{info.get('fps')!r}")
    features = info.get("features")
    if not isinstance(features, dict) or not all(isinstance(f, dict) for f in features.values()):
        raise _damaged(f"features in {file}", f"{type(features).__name__}")
    return info


def _chosen_camera(features: dict[str, Any], camera: str, source: Path) -> str:
    cameras = [key for key, f in features.items() if _is_camera(f)]
    if not cameras:
        raise DatasetError(
            f"a camera among the features of {source}", "none", "choose another dataset"
        )
    if camera and camera not in cameras:
        raise unknown_name("camera", camera, cameras)
    if not camera and len(cameras) > 1:
        listed = ", ".join(cameras)
        raise ConfigError(
            f"a camera of {source}, which has several",
            "none",
            f"choose one with --camera: {listed}",
        )
    return camera or cameras[0]


def _is_camera(feature: dict[str, Any]) -> bool:
    """Whether a feature holds color images: not numbers, and not depth."""
    about = [feature.get("info"), feature.get("video_info")]
    depth = any(
        found.get(key)
        for found in about
        if isinstance(found, dict)
        for key in ("is_depth_map", "video.is_depth_map")
    )
    return feature.get("dtype") in ("image", "video") and not depth


def _path(template: Any, values: dict[str, Any]) -> Path:
    """Fills in a path of meta/info.json. Raises ValueError for another one, and outside paths."""

    def filled(field: re.Match[str]) -> str:
        return str(values[field[1]]).zfill(int(field[2] or 0))

    path = _FIELD.sub(filled, template) if isinstance(template, str) else "{"
    if set("{}\0") & set(path) or ".." in Path(path).parts or Path(path).is_absolute():
        raise ValueError(f"the path {template!r} in {INFO_FILE}")
    return Path(path)


def _decoded(cell: Any) -> np.ndarray:
    data = cell.get("bytes") if isinstance(cell, dict) else None
    if not data:
        raise ValueError("a frame without the bytes of an image")
    return decode_image(data)


def _require_columns(schema: pa.Schema, columns: list[str]) -> None:
    """Raises ValueError for a Parquet file without one of the columns."""
    lacking = [name for name in columns if name not in schema.names]
    if lacking:
        raise ValueError(f"a file without the column {lacking[0]}")


def _number(name: str) -> int:
    match = re.fullmatch(r"episode-(\d+)", name)
    if match is None:
        raise ValueError(name)
    return int(match[1])


def _damaged(expected: str, got: str) -> DatasetError:
    return DatasetError(expected, got, _DOWNLOAD)


@contextmanager
def _valid(file: Path) -> Iterator[None]:
    """Converts exceptions about the table of episodes `file` into DatasetError."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError) as error:
        raise _damaged(f"a table of episodes in {file}", _first_line(error)) from None


@contextmanager
def _readable(file: Path, name: str) -> Iterator[None]:
    """Converts exceptions about the frames of an episode into UnreadableError."""
    try:
        yield
    except (pa.ArrowException, FFmpegError, OSError, ValueError, LookupError, TypeError) as error:
        got = getattr(error, "strerror", None) or _first_line(error)
        raise UnreadableError(
            f"the frames of {name} in {file}",
            got,
            f"{_DOWNLOAD}, or leave the episode out with --skip-unreadable and another --out",
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
