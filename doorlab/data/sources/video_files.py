"""Reads video files as RGB images, as a player displays them.

The metadata of a file is respected: which stream is the main video, which frames are displayed
(edit lists), cropping, pixels that are not square, colors, transparency, and the display matrix
(rotation and mirroring). A video whose images would be decoded incorrectly is rejected.

Colors: the matrix and range that the file states, or BT.601 if it states none, as in FFmpeg. HDR
(HLG and PQ) is converted to sRGB: HDR reference white becomes white, brighter values are clipped.
From interlaced frames only the first field is used, because the second shows a later moment.

Legend: H, W pixels.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Container, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av import logging
from av.filter import Graph
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition
from av.video.reformatter import ColorPrimaries, ColorTrc, VideoReformatter

from doorlab.data.sources.image_files import blend_with_black, check_size

_HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)  # PQ and HLG
_SRGB = {"dst_color_trc": ColorTrc.IEC61966_2_1, "dst_color_primaries": ColorPrimaries.BT709}
_NOT_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails
_OFF_TIME = 0.25  # frame intervals by which a frame of a section may be displayed too early or late
_SKEW = 0.01  # display-matrix entries below this fraction of the largest entries are ignored


def count_frames(path: Path, exact_below: int) -> int:
    """Counts the displayed frames of the video in `path`.

    Counts packets. Because some packets hold no frame, a short video, which may have fewer than
    `exact_below` frames, is decoded and its frames are counted. Raises as `read_frames`.
    """
    with _opened(path) as container:
        packets = container.demux(_video_stream(container))
        count = sum(packet.size > 0 and not packet.is_discard for packet in packets)
    return count_decoded(path) if count < 2 * exact_below else count


def count_decoded(path: Path) -> int:
    """Counts the displayed frames of the video by decoding all of it. Raises as `read_frames`."""
    with _opened(path) as container:
        return sum(1 for _ in container.decode(_video_stream(container)))


def read_frames(path: Path, wanted: Container[int]) -> Iterator[np.ndarray]:
    """Yields the frames of the video in `path` with numbers in `wanted`, uint8 (H, W, 3), RGB.

    Raises OSError, FFmpegError or ValueError if the video cannot be decoded correctly.
    """
    with _opened(path) as container:
        stream = _video_stream(container)
        show = _Screen(_cropping(container, stream), stream.sample_aspect_ratio or Fraction(1))
        for number, frame in enumerate(container.decode(stream)):
            if number in wanted:
                yield show(frame)


def read_section(
    path: Path, start: float, fps: float, wanted: Sequence[int]
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields frames of a section of the video in `path`, with their numbers in the section.

    Args:
        path: a video of several recordings, one after the other.
        start: s, time of the first frame of the section.
        fps: frames per second.
        wanted: numbers of the frames, at least one; frame n is displayed at `start + n / fps`.

    Yields:
        The number, and the frame as uint8 (H, W, 3), RGB.

    Raises as `read_frames`. A frame that the video does not have is not yielded.
    """
    with _opened(path) as container:
        stream = _video_stream(container)
        show = _Screen(_cropping(container, stream), stream.sample_aspect_ratio or Fraction(1))
        last = max(wanted)
        if start > 0 and stream.time_base:
            container.seek(int((start - 1 / fps) / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.time is None:
                raise ValueError("a video without timestamps")
            place = (frame.time - start) * fps
            number = round(place)
            if number > last:
                return
            if number in wanted and abs(place - number) < _OFF_TIME:
                yield number, show(frame)


def _opened(path: Path) -> Any:
    return av.open(path, metadata_errors="replace")  # old cameras write titles that are not UTF-8


def _video_stream(container: Any) -> Any:
    """The stream that a player displays, not a cover image or thumbnails."""
    candidates = [s for s in container.streams.video if not s.disposition & _NOT_VIDEO]
    if not candidates:
        raise ValueError("a file without a video stream")
    candidates = [s for s in candidates if s.codec_context]
    if not candidates:
        raise ValueError("a video with a codec that FFmpeg does not know")
    best = container.streams.best("video")
    chosen = best if best in candidates else max(candidates, key=lambda s: s.width * s.height)
    check_size(chosen.width, chosen.height)
    if chosen.metadata.get("alpha_mode") == "1":
        raise ValueError("a WebM with transparency, which FFmpeg's decoder ignores")
    return chosen


def _cropping(container: Any, stream: Any) -> tuple[int, int, int, int]:
    """Cropping stated by the container: left, right, top, bottom, pixels.

    The decoder already applies the cropping stated by the codec. PyAV exposes the container's
    cropping only in its text description of the file.
    """
    level = logging.get_level()
    logging.set_level(logging.INFO)
    try:
        description = container.dumps_format()
    finally:
        logging.set_level(level)
    parts = re.split(r"^ +Stream #0:(\d+)", description, flags=re.MULTILINE)
    of_stream = dict(zip(parts[1::2], parts[2::2], strict=True)).get(str(stream.index), "")
    match = re.search(r"^ +Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)$", of_stream, re.MULTILINE)
    left, right, top, bottom = map(int, match.groups()) if match else (0, 0, 0, 0)
    return left, right, top, bottom


class _Screen:
    """Converts decoded frames of a stream to the images that a player displays."""

    def __init__(self, cropping: tuple[int, int, int, int], aspect: Fraction) -> None:
        """Takes the result of `_cropping`, and the pixel aspect ratio (width over height)."""
        self._cropping, self._aspect = cropping, aspect
        self._convert = VideoReformatter().reformat  # shared: the first HDR frame takes 3 s

    def __call__(self, frame: Any) -> np.ndarray:
        if frame.is_corrupt:
            raise ValueError("a video with damaged frames")
        matrix, rows_per_line = _display_matrix(frame), 1
        if frame.interlaced_frame:
            frame, rows_per_line = _first_field(frame), 2
        image = self._to_rgb(frame)
        left, right, top, bottom = self._cropping
        lines = slice(top // rows_per_line, image.shape[0] - bottom // rows_per_line)
        image = image[lines, left : image.shape[1] - right]
        return _turned(_with_square_pixels(image, self._aspect / rows_per_line), matrix)

    def _to_rgb(self, frame: Any) -> np.ndarray:
        options: dict[str, Any] = {}
        if frame.color_trc in _HDR:
            options = _SRGB
        has_alpha = frame.format.has_palette or any(c.is_alpha for c in frame.format.components)
        try:
            rgb = self._convert(frame, format="rgba" if has_alpha else "rgb24", **options)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            raise ValueError("a video whose colors FFmpeg cannot convert to RGB") from None
        image = rgb.to_ndarray()
        return blend_with_black(image) if has_alpha else image


def _first_field(frame: Any) -> Any:
    """Every second line of an interlaced frame, starting at the top."""
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25)
    )
    graph.link_nodes(source, graph.add("field", "type=top"), graph.add("buffersink")).configure()
    color = frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries
    graph.vpush(frame)
    field = graph.vpull()
    field.colorspace, field.color_range, field.color_trc, field.color_primaries = color
    return field


def _with_square_pixels(image: np.ndarray, aspect: Fraction) -> np.ndarray:
    """Widens or heightens an image whose pixels are not square, so that no detail is lost."""
    height, width = image.shape[:2]
    if aspect > 1:
        width = round(width * aspect)
    else:
        height = round(height / aspect)
    check_size(width, height)
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR))


def _display_matrix(frame: Any) -> tuple[int, int, int, int]:
    """(a, b, c, d): the pixel at (x, y), y down, is shown at (a x + c y, b x + d y) + constant."""
    for data in frame.side_data:
        if data.type == SideData.DISPLAYMATRIX:
            a, b, _, c, d, *_ = np.frombuffer(bytes(data), dtype=np.int32).tolist()
            return a, b, c, d
    return 1, 0, 0, 1


def _turned(image: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Applies a display matrix: rotations by right angles, mirroring, or both.

    Raises ValueError for any other matrix, except for scaling.
    """
    if not any(matrix):  # some muxers write zeros
        return image
    a, b, c, d = matrix
    swaps_axes = abs(b) > abs(a)
    across, down, *others = (c, b, a, d) if swaps_axes else (a, d, b, c)
    if max(map(abs, (*others, abs(across) - abs(down)))) > _SKEW * abs(across):
        raise ValueError("a video rotated by other than right angles, or sheared")
    upright = image.swapaxes(0, 1) if swaps_axes else image
    return upright[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
