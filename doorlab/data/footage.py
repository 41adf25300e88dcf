"""Footage of real doors: folders of images, and videos, as square frames of one size.

    SOURCE/front door/IMG_2.jpg    a folder is a door, its images are taken in natural order:
    SOURCE/front door/IMG_10.jpg   IMG_2 before IMG_10
    SOURCE/kitchen.mp4             a video is a door, too

Pictures are turned upright as their EXIF data, or the video's display matrix, say.

Legend: M frames, H, W pixels of the footage, S of a dataset's frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import av
import cv2
import numpy as np
from av.error import FFmpegError

from doorlab.errors import DatasetError

Fit = Literal["crop", "pad"]
FITS: tuple[str, ...] = get_args(Fit)
IMAGES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"})
VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"})

cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # a picture that can't be read is said once, by us


@dataclass(frozen=True)
class Entry:
    """One door of a source.

    Attributes:
        path: a folder of images, or a video.
        pictures: how many there are to choose from; of a video, as its file says.
    """

    path: Path
    pictures: int


def find_entries(source: Path) -> tuple[list[Path], list[Path]]:
    """The doors in the folder `source`, in natural order, and the files that are neither.

    Hidden files and folders are passed over. Raises DatasetError when there is no such folder, no
    door in it, or images that belong to no door.
    """
    if not source.is_dir():
        got = "a file" if source.exists() else "nothing there"
        raise DatasetError(f"a folder of footage at {source}", got, "correct the path")
    found = _listed(source)
    entries = [path for path in found if path.is_dir() or _is(path, VIDEOS)]
    others = [path for path in found if path not in set(entries)]
    images = sum(_is(path, IMAGES) for path in others)
    if images or not entries:
        got = f"{images} images in {source} itself" if images else f"none in {source}"
        raise DatasetError(
            "one subfolder of images, or one video, per door", got, "sort the images by door"
        )
    return entries, others


def open_entry(path: Path) -> Entry:
    """The door at `path`. Raises DatasetError for what can't be read."""
    if path.is_dir():
        return Entry(path, len(_images_in(path)))
    with _readable(path), av.open(path) as container:
        stream = _video_stream(container, path)
        if stream.frames:  # not every format says
            return Entry(path, stream.frames)
        return Entry(path, sum(packet.size > 0 for packet in container.demux(stream)))


def read_frames(path: Path, frames: int, size: int, fit: Fit) -> np.ndarray:
    """uint8 (M, S, S, 3): `frames` pictures of a door, evenly spaced from the first to the last.

    Args:
        path: a folder of images, or a video.
        frames: M.
        size: S, pixels.
        fit: as for `to_square`.

    Raises DatasetError for pictures that can't be read, and for fewer than M.
    """
    read = _from_folder if path.is_dir() else _from_video
    return np.stack([to_square(image, size, fit) for image in read(path, frames)])


def to_square(image: np.ndarray, size: int, fit: Fit) -> np.ndarray:
    """A picture, uint8 (H, W, 3), as (size, size, 3), by averaging over areas.

    Args:
        image: of any height and width.
        size: S, pixels.
        fit: crop: the square in the middle; pad: the whole picture, on black.
    """
    height, width = image.shape[:2]
    if fit == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = image[top : top + side, left : left + side]
    else:
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        square = np.zeros((side, side, 3), dtype=np.uint8)
        square[top : top + height, left : left + width] = image
    resized = cv2.resize(np.ascontiguousarray(square), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


def natural_key(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sorts names as people do: numbers by value, capitals as small letters."""
    parts = re.split(r"([0-9]+)", path.name)
    key = [(0, int(p), "") if p.isdecimal() else (1, 0, p.casefold()) for p in parts if p]
    return key, path.name


def _from_folder(path: Path, frames: int) -> Iterator[np.ndarray]:
    images = _images_in(path)
    _check_count(path, len(images), frames)
    for index in _evenly(len(images), frames):
        yield _read_image(images[index])


def _read_image(path: Path) -> np.ndarray:
    with _readable(path):
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if image is None:
            raise ValueError("one that is empty, damaged or of another format")
        return np.asarray(image)[..., ::-1]


def _from_video(path: Path, frames: int) -> Iterator[np.ndarray]:
    # What a file says about its length is often off by some frames: counting is safe, and the
    # pictures that are not wanted need no conversion.
    with _readable(path):
        count = sum(1 for _ in _decoded(path))
    _check_count(path, count, frames)
    wanted = _evenly(count, frames)
    with _readable(path):
        for number, frame in enumerate(_decoded(path)):
            if number in wanted:
                image = frame.to_ndarray(format="rgb24")
                yield np.rot90(image, round(frame.rotation / 90))


def _decoded(path: Path) -> Iterator[av.VideoFrame]:
    with av.open(path) as container:
        yield from container.decode(_video_stream(container, path))


def _video_stream(container: Any, path: Path) -> Any:
    if not container.streams.video:
        raise ValueError("one without pictures")
    return container.streams.video[0]


def _evenly(count: int, frames: int) -> list[int]:
    return np.linspace(0, count - 1, frames).round().astype(int).tolist()


def _check_count(path: Path, count: int, frames: int) -> None:
    if count < frames:
        raise DatasetError(
            f"at least {frames} pictures in {path}", f"{count}", "ask for fewer --frames"
        )


def _images_in(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if _is(path, IMAGES)]


def _listed(folder: Path) -> list[Path]:
    with _readable(folder):
        return sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=natural_key)


def _is(path: Path, suffixes: frozenset[str]) -> bool:
    return path.suffix.lower() in suffixes and path.is_file()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns what the decoders and the system say about `path` into an error for users."""
    try:
        yield
    except (OSError, ValueError, FFmpegError, cv2.error) as error:
        if isinstance(error, PermissionError):
            got = "no permission to read it"
        else:
            got = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        kind = "folder" if path.is_dir() else "picture or video"
        raise DatasetError(
            f"a {kind} that can be read at {path}",
            got,
            "repair it, or move it away, and run again with --resume",
        ) from None
