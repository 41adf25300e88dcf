"""Videos of doors, encoded as H.264 in MP4, which every browser plays.

Legend: T frames, H, W pixels.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream

from doorlab.doors import Door, View, oracle_action
from doorlab.runtime.numeric_locale import decimal_points
from doorlab.sim import Simulator

VIDEO_SIZE = 192  # pixels, independent of the image size of the dataset
FRAMES_PER_SECOND = 24
_SWING_FRAMES = 48
_INTERACTION_FRAMES = 36
_PAUSE_FRAMES = 8


def render_opening(
    simulator: Simulator, door: Door, view: View, size: int = VIDEO_SIZE
) -> np.ndarray:
    """uint8 (T, size, size, 3): the door opens and closes, then the oracle's action opens it."""
    phase = np.linspace(0.0, 2.0 * np.pi, _SWING_FRAMES)
    swing = door.opening_limit * (1.0 - np.cos(phase)) / 2.0
    course = simulator.interact([door], oracle_action(door)[None, None], record=True).trajectories
    assert course is not None  # because record=True
    steps = np.linspace(0, course.shape[2] - 1, _INTERACTION_FRAMES).round().astype(int)
    opened = course[0, 0, steps]
    pauses = np.zeros(_PAUSE_FRAMES), np.repeat(opened[-1:], _PAUSE_FRAMES)
    positions = np.concatenate([swing, pauses[0], opened, pauses[1]]).round(4)
    different, frame_of = np.unique(positions, return_inverse=True)  # each position rendered once
    frames = simulator.render([door], different[None], [[view] * len(different)], size).images[0]
    return frames[frame_of]


def encode_video(frames: np.ndarray, frames_per_second: int = FRAMES_PER_SECOND) -> bytes:
    """Encodes `frames`, uint8 (T, H, W, 3), H and W even, as MP4; equal frames give equal bytes."""
    file = io.BytesIO()
    height, width = frames.shape[1:3]
    encoder = VideoEncoder(file, height, width, frames_per_second)
    encoder.add(frames)
    encoder.close()
    return file.getvalue()


class VideoEncoder:
    """Encodes frames as H.264 in MP4, some at a time; equal frames give equal bytes.

    Args:
        file: a new file, open for writing; `close` does not close it.
        height: H, even, pixels.
        width: W, even, pixels.
        frames_per_second: frames per second.
        keyframe_interval: frames from one keyframe to the next; None: chosen by the encoder, at
            most 250. A reader has to decode all frames after a keyframe.
    """

    @decimal_points()
    def __init__(
        self,
        file: io.BufferedIOBase,
        height: int,
        width: int,
        frames_per_second: int,
        keyframe_interval: int | None = None,
    ) -> None:
        self._container = av.open(file, "w", format="mp4", options={"fflags": "+bitexact"})
        stream = self._container.add_stream("libx264", rate=frames_per_second)
        self._stream = cast(VideoStream, stream)
        self._stream.height, self._stream.width = height, width
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = Fraction(1, frames_per_second)
        self._stream.options = {"crf": "20", "preset": "medium", "mbtree": "0"}
        if keyframe_interval is not None:
            self._stream.options |= {"g": str(keyframe_interval)}
        # x264 writes the number of threads into the stream.
        self._stream.codec_context.thread_count = 1

    @decimal_points()
    def add(self, frames: np.ndarray) -> None:
        """Adds `frames`, uint8 (T, H, W, 3), RGB."""
        for image in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            self._container.mux(self._stream.encode(frame))

    @decimal_points()
    def close(self) -> None:
        """Completes the video."""
        self._container.mux(self._stream.encode())
        self._container.close()
