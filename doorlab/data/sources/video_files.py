"""Video files as RGB pictures, as a player shows them.

What a file states about its pictures counts: which stream is the film, which of its frames are
shown (edit lists), cropping, pixels that are not square, colors, transparency, and the display
matrix, which turns and mirrors. A video whose pictures would come out wrong is refused.

Colors: the matrix and the range that the file states; BT.601 where it states none, as FFmpeg. HDR
(HLG and PQ) becomes sRGB: its reference white is white, what is brighter is clipped. Of interlaced
frames the first field is taken, since the second shows a later moment.

Legend: H, W pixels.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Container, Iterator
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
_HDR_PYAV = 18  # earlier ones ignore _SRGB
_NOT_FILMS = Disposition.attached_pic | Disposition.timed_thumbnails
_SKEW = 0.01  # of a display matrix: what is this small beside its largest entries does not count


def count_frames(path: Path, exact_below: int) -> int:
    """How many frames the video in `path` shows.

    The packets are counted. Some hold no frame, so the frames of a short video, which may have
    fewer than `exact_below`, are decoded and counted. Raises as `read_frames`.
    """
    with _opened(path) as container:
        packets = container.demux(_film(container))
        count = sum(packet.size > 0 and not packet.is_discard for packet in packets)
    return count_decoded(path) if count < 2 * exact_below else count


def count_decoded(path: Path) -> int:
    """How many frames the video in `path` shows; decodes all. Raises as `read_frames`."""
    with _opened(path) as container:
        return sum(1 for _ in container.decode(_film(container)))


def read_frames(path: Path, wanted: Container[int]) -> Iterator[np.ndarray]:
    """The frames of the video in `path` whose numbers are in `wanted`, uint8 (H, W, 3), RGB.

    Raises OSError, FFmpegError or ValueError for a video that can't be read, or not rightly.
    """
    with _opened(path) as container:
        stream = _film(container)
        show = _Screen(_cropping(container, stream), stream.sample_aspect_ratio or Fraction(1))
        for number, frame in enumerate(container.decode(stream)):
            if number in wanted:
                yield show(frame)


def _opened(path: Path) -> Any:
    return av.open(path, metadata_errors="replace")  # titles of old cameras are not UTF-8


def _film(container: Any) -> Any:
    """The stream that a player shows: no cover, no thumbnails."""
    films = [s for s in container.streams.video if not s.disposition & _NOT_FILMS]
    if not films:
        raise ValueError("one without pictures")
    films = [s for s in films if s.codec_context]
    if not films:
        raise ValueError("one with a codec that FFmpeg does not know")
    best = container.streams.best("video")
    film = best if best in films else max(films, key=lambda s: s.width * s.height)
    check_size(film.width, film.height)
    if film.metadata.get("alpha_mode") == "1":
        raise ValueError("a WebM with transparent parts, which FFmpeg's decoder leaves out")
    return film


def _cropping(container: Any, stream: Any) -> tuple[int, int, int, int]:
    """What the container cuts off; the decoder knows of what the codec cuts off.

    PyAV has it only in its description of the file.
    """
    level = logging.get_level()
    logging.set_level(logging.INFO)
    try:
        description = container.dumps_format()
    finally:
        logging.set_level(level)
    parts = re.split(r"^ +Stream #0:(\d+)", description, flags=re.MULTILINE)
    of_stream = dict(zip(parts[1::2], parts[2::2], strict=True)).get(str(stream.index), "")
    found = re.search(r"^ +Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)$", of_stream, re.MULTILINE)
    left, right, top, bottom = map(int, found.groups()) if found else (0, 0, 0, 0)
    return left, right, top, bottom


class _Screen:
    """Turns decoded frames of a stream into the pictures that a player shows."""

    def __init__(self, cropping: tuple[int, int, int, int], aspect: Fraction) -> None:
        """Takes what `_cropping` returns, and the width of a pixel over its height."""
        self._cropping, self._aspect = cropping, aspect
        self._convert = VideoReformatter().reformat  # one for all: the first HDR frame takes 3 s

    def __call__(self, frame: Any) -> np.ndarray:
        if frame.is_corrupt:
            raise ValueError("one with damaged frames")
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
            if int(av.__version__.split(".")[0]) < _HDR_PYAV:
                raise ValueError(
                    f"an HDR video, for which PyAV {_HDR_PYAV} is needed (Python 3.11)"
                )
            options = _SRGB
        has_alpha = frame.format.has_palette or any(c.is_alpha for c in frame.format.components)
        try:
            rgb = self._convert(frame, format="rgba" if has_alpha else "rgb24", **options)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            raise ValueError("one whose colors FFmpeg can't convert to RGB") from None
        image = rgb.to_ndarray()
        return blend_with_black(image) if has_alpha else image


def _first_field(frame: Any) -> Any:
    """Every second line of an interlaced frame, from the top."""
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
    """Widens, or heightens, a picture whose pixels are not square: nothing is lost."""
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
    """A picture as its display matrix says: turned by right angles, mirrored, or both.

    Raises ValueError for a matrix that does anything else, but for enlarging.
    """
    if not any(matrix):  # a muxer that wrote nothing
        return image
    a, b, c, d = matrix
    swaps_axes = abs(b) > abs(a)
    across, down, *others = (c, b, a, d) if swaps_axes else (a, d, b, c)
    if max(map(abs, (*others, abs(across) - abs(down)))) > _SKEW * abs(across):
        raise ValueError("one that its display matrix turns by other than right angles, or shears")
    upright = image.swapaxes(0, 1) if swaps_axes else image
    return upright[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
