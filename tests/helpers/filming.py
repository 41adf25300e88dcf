"""Makes small images and videos with distinguishable frames."""

from fractions import Fraction

import av
import cv2
import numpy as np


def make_image(number, height=40, width=56):
    """A smooth image, bright at its left top; every number has another blue."""
    down, across = np.mgrid[:height, :width]
    red, green = 250 - 200 * across / width, 250 - 200 * down / height
    return np.stack([red, green, np.full_like(red, 20 * number % 256)], -1).astype(np.uint8)


def write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(path.suffix, np.ascontiguousarray(image[..., ::-1]))
    assert ok
    path.write_bytes(data.tobytes())


def write_video(path, frames, codec="libx264", pix_fmt="yuv420p", options=(), aspect=1):
    """Frames of 3 channels are RGB, of 4 RGBA."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.options = pix_fmt, dict(options)
        stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        for image in frames:
            kind = "rgb24" if image.shape[2] == 3 else "rgba"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=kind)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_lossless_video(path, frames, **settings):
    return write_video(path, frames, "libx264rgb", "rgb24", {"qp": "0"}, **settings)


def set_display_matrix(path, a, b, c, d):
    """Writes a matrix of the unit 2 ** -16 into the track header of an MP4 file."""
    data = path.read_bytes()
    start = data.index(b"tkhd") + 4 + 40
    identity = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    assert data[start : start + 36] == identity
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    path.write_bytes(data[:start] + matrix + data[start + 36 :])


def set_edit(path, start, duration):
    """Makes an MP4 file show `duration` seconds from `start`, as telephones trim clips."""
    data = bytearray(path.read_bytes())
    time_scale = int.from_bytes(data[(at := data.index(b"mdhd") + 16) : at + 4], "big")
    movie_scale = int.from_bytes(data[(at := data.index(b"mvhd") + 16) : at + 4], "big")
    at = data.index(b"elst") + 12
    first = int.from_bytes(data[at + 4 : at + 8], "big")  # for frames that are reordered
    values = [round(duration * movie_scale), first + round(start * time_scale)]
    data[at : at + 8] = np.array(values, ">i4").tobytes()
    path.write_bytes(data)


def crop_in_container(path, width, height, right, down):
    """Adds a clean aperture to an MP4 file: its size, and where its center is."""
    data, parents, start = bytearray(path.read_bytes()), [], 0
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        start = data.index(kind, start) - 4
        parents.append(start)
    entry = parents[-1] + 16
    end = entry + int.from_bytes(data[entry : entry + 4], "big")
    numbers = np.array([width, 1, height, 1, right, 1, down, 1], ">i4").tobytes()
    data[end:end] = (40).to_bytes(4, "big") + b"clap" + numbers
    for at in (*parents, entry):
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + 40).to_bytes(4, "big")
    path.write_bytes(data)


def write_footage(source):
    """Five doors: three folders and two videos, in many sizes; and a note."""
    for name, height, width, suffix in (
        ("door 2", 40, 56, ".png"),
        ("door 10", 33, 20, ".jpg"),
        ("Cellar", 17, 90, ".webp"),
    ):
        for number in range(1, 12):
            write_image(source / name / f"IMG_{number}{suffix}", make_image(number, height, width))
    write_video(source / "kitchen.mp4", [make_image(n, 48, 64) for n in range(12)])
    write_video(source / "lift.mkv", [make_image(n, 64, 36) for n in range(7)])
    (source / "notes.txt").write_text("filmed on Monday")
    return source
