"""Footage of real doors: reads folders of images, and videos, as square frames of one size.

    SOURCE/front door/IMG_2.jpg    each folder is a door; its images are sorted in natural order:
    SOURCE/front door/IMG_10.jpg   IMG_2 before IMG_10
    SOURCE/kitchen.mp4             each video is a door, too

Images are returned as a viewer displays them, for example upright (`image_files`, `video_files`).

Legend: M frames, H, W pixels of the footage, S pixels of a dataset frame.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from av.error import FFmpegError

from doorlab.data.lerobot.layout import is_lerobot_dataset, lerobot_root_above
from doorlab.data.sources import video_files
from doorlab.data.sources.image_files import MAX_PIXELS, read_image
from doorlab.errors import DatasetError
from doorlab.storage.text_paths import shell_quoted

Fit = Literal["crop", "pad"]
FITS: tuple[str, ...] = get_args(Fit)
IMAGES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"})
VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"})
UNREAD_IMAGES = frozenset({".heic", ".heif", ".avif"})  # users must convert these
# Files that operating systems and network disks create in folders, besides hidden files.
_CLUTTER = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir"})


class UnreadableError(DatasetError):
    """An image, a video or a folder of footage cannot be read."""


@dataclass(frozen=True)
class FootageDoor:
    """One door of a footage folder.

    Attributes:
        path: a folder of images, or a video.
        num_images: number of images or video frames available.
        passed_over: names of other files and folders in the folder.
        unreadable: file name -> reason, for images known to be unreadable.
    """

    path: Path
    num_images: int
    passed_over: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        """Describes the door and its files, for messages: "front (0, besides 9 .heic)"."""
        kinds = Counter(_kind(self.path / name) for name in self.passed_over)
        others = [f"{count} {kind}" for kind, count in sorted(kinds.items())]
        if self.unreadable:
            others.append(f"{len(self.unreadable)} unreadable")
        besides = f", besides {' and '.join(others)}" if others else ""
        return f"{self.path.name} ({self.num_images}{besides})"


def find_entries(source: Path) -> tuple[list[Path], list[Path]]:
    """The doors in the folder `source`, in natural order, and all other files.

    Hidden files and folders are skipped, as are system files (Thumbs.db). Raises DatasetError if
    the folder does not exist, contains no doors, or contains images outside of door folders.
    """
    if not source.is_dir():
        got = "a file" if source.exists() else "no such folder"
        raise DatasetError(f"a folder of footage at {source}", got, "correct the path")
    _refuse_parts_of_lerobot(source)
    paths = _listed(source)
    entries = [path for path in paths if path.is_dir() or _is(path, VIDEOS)]
    others = [path for path in paths if path not in set(entries)]
    images = sum(_is(path, IMAGES) for path in others)
    if images or not entries:
        got = f"{images} images in {source} itself" if images else f"none in {source}"
        raise DatasetError(
            "one subfolder of images, or one video, per door", got, "sort the images by door"
        )
    return entries, others


def _refuse_parts_of_lerobot(source: Path) -> None:
    """Raises DatasetError for folders inside of LeRobot datasets: their videos hold many doors."""
    root = lerobot_root_above(source)
    if root:
        raise DatasetError(
            "the folder of a LeRobot dataset, or a folder of footage",
            f"{source}, which is inside of the LeRobot dataset {root}",
            f"run `doorlab import {shell_quoted(str(root))}`",
        )
    inner = [path.name for path in _listed(source) if is_lerobot_dataset(path)]
    if inner:
        raise DatasetError(
            f"one LeRobot dataset, or footage, at {source}",
            f"a folder that contains the LeRobot dataset {inner[0]}",
            "import one dataset at a time",
        )


def open_entry(path: Path, frames: int) -> FootageDoor:
    """Opens the door at `path`. The frame count of a video far longer than `frames` is approximate.

    Raises DatasetError if the folder or video cannot be read.
    """
    if path.is_dir():
        paths = _listed(path)
        images = [p for p in paths if _is(p, IMAGES)]
        return FootageDoor(path, len(images), tuple(p.name for p in paths if p not in set(images)))
    with _readable(path):
        return FootageDoor(path, video_files.count_frames(path, exact_below=frames))


def find_unreadable(path: Path, frames: int, significant_bits: int = 0) -> dict[str, str]:
    """Maps file name -> reason for the unreadable images in a door's folder.

    Reads only the images that would be selected for `frames` frames, and the replacements of
    unreadable ones. Videos are decoded in full. Raises UnreadableError for an unreadable video or
    folder.
    """
    if not path.is_dir():
        for _ in _from_video(path, frames):
            pass
        return {}
    bad: dict[str, str] = {}
    images, good = _images_in(path), set[Path]()
    while len(images) >= frames:
        unknown = {images[index] for index in evenly(len(images), frames)} - good
        if not unknown:
            break
        for image in unknown:
            try:
                _read_image(image, significant_bits)
                good.add(image)
            except UnreadableError as error:
                bad[image.name] = error.got
        images = [image for image in images if image.name not in bad]
    return dict(sorted(bad.items()))


def read_frames(
    path: Path,
    frames: int,
    size: int,
    fit: Fit,
    significant_bits: int = 0,
    leave_out: Collection[str] = (),
) -> np.ndarray:
    """uint8 (M, S, S, 3): `frames` images of a door, evenly spaced from the first to the last.

    Args:
        path: a folder of images, or a video.
        frames: M.
        size: S, pixels.
        fit: as for `to_square`.
        significant_bits: as for `image_files.read_image`.
        leave_out: names of images in the folder to skip.

    Raises DatasetError if an image cannot be read, or if there are fewer than M.
    """
    if path.is_dir():
        images = _from_folder(path, frames, significant_bits, leave_out)
    else:
        images = _from_video(path, frames)
    return np.stack([to_square(image, size, fit) for image in images])


def to_square(image: np.ndarray, size: int, fit: Fit) -> np.ndarray:
    """Resizes an image, uint8 (H, W, 3), to (size, size, 3) by area averaging.

    Args:
        image: image of any height and width.
        size: S, pixels.
        fit: crop: keep the central square; pad: keep the whole image on a black background.
    """
    height, width = image.shape[:2]
    if fit == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = image[top : top + side, left : left + side]
    else:
        image = _within_limits(image)
        height, width = image.shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        square = np.zeros((side, side, 3), dtype=np.uint8)
        square[top : top + height, left : left + width] = image
    resized = cv2.resize(np.ascontiguousarray(square), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


def _within_limits(image: np.ndarray) -> np.ndarray:
    """Shrinks an image whose padded square would exceed MAX_PIXELS and fill the memory."""
    height, width = image.shape[:2]
    scale = math.isqrt(MAX_PIXELS) / max(height, width)
    if scale >= 1:
        return image
    shape = [max(1, round(length * scale)) for length in (width, height)]
    return np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA))


def natural_key(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key for natural order: numbers by value, letters without regard to case."""
    parts = re.split(r"([0-9]+)", path.name)
    key = [(0, int(p), "") if p.isdecimal() else (1, 0, p.casefold()) for p in parts if p]
    return key, path.name


def _from_folder(
    path: Path, frames: int, significant_bits: int, leave_out: Collection[str]
) -> Iterator[np.ndarray]:
    images = [image for image in _images_in(path) if image.name not in leave_out]
    _check_count(path, len(images), frames)
    for index in evenly(len(images), frames):
        yield _read_image(images[index], significant_bits)


def _read_image(path: Path, significant_bits: int) -> np.ndarray:
    with _readable(path):
        return read_image(path, significant_bits)


def _from_video(path: Path, frames: int) -> Iterator[np.ndarray]:
    # The frame count in a video file is often off by a few frames. Counting is safe, and frames
    # that are not selected need no color conversion.
    with _readable(path):
        count = video_files.count_decoded(path)
    _check_count(path, count, frames)
    with _readable(path):
        yield from video_files.read_frames(path, set(evenly(count, frames)))


def evenly(count: int, frames: int) -> list[int]:
    """Indices of `frames` images out of `count`, evenly spaced from the first to the last."""
    return np.linspace(0, count - 1, frames).round().astype(int).tolist()


def _check_count(path: Path, count: int, frames: int) -> None:
    if count < frames:
        raise DatasetError(
            f"at least {frames} images in {path}", f"{count}", "use a smaller --frames"
        )


def _images_in(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if _is(path, IMAGES)]


def _listed(folder: Path) -> list[Path]:
    with _readable(folder):
        return sorted((p for p in folder.iterdir() if not _is_clutter(p)), key=natural_key)


def _is_clutter(path: Path) -> bool:
    return path.name.startswith(".") or path.name.casefold() in _CLUTTER


def _kind(path: Path) -> str:
    """The type of a file or folder, for messages."""
    return "folder" if path.is_dir() else path.suffix.lower() or "file"


def _is(path: Path, suffixes: frozenset[str]) -> bool:
    return path.suffix.lower() in suffixes and path.is_file()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Converts exceptions of decoders and the system about `path` into UnreadableError."""
    try:
        yield
    except (OSError, ValueError, FFmpegError, cv2.error) as error:
        if isinstance(error, PermissionError):
            got = "no permission to read it"
        else:
            got = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        kind = "folder" if path.is_dir() else "image or video"
        raise UnreadableError(
            f"a readable {kind} at {path}",
            got,
            "repair it or move it away, and run again with --resume; or use --skip-unreadable with "
            "another --out",
        ) from None
