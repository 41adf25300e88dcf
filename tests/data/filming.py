"""Makes small pictures and videos whose frames can be told apart."""

import av
import cv2
import numpy as np


def picture(number, height=40, width=56):
    """A smooth picture, bright at its left top; every number has another blue."""
    down, across = np.mgrid[:height, :width]
    red, green = 250 - 200 * across / width, 250 - 200 * down / height
    return np.stack([red, green, np.full_like(red, 20 * number % 256)], -1).astype(np.uint8)


def write_picture(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(path.suffix, np.ascontiguousarray(image[..., ::-1]))
    assert ok
    path.write_bytes(data.tobytes())


def write_video(path, frames, codec="libx264"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_footage(source):
    """Five doors: three folders and two videos, in many sizes; and a note."""
    for name, height, width, suffix in (
        ("door 2", 40, 56, ".png"),
        ("door 10", 33, 20, ".jpg"),
        ("Cellar", 17, 90, ".webp"),
    ):
        for number in range(1, 12):
            write_picture(source / name / f"IMG_{number}{suffix}", picture(number, height, width))
    write_video(source / "kitchen.mp4", [picture(n, 48, 64) for n in range(12)])
    write_video(source / "lift.mkv", [picture(n, 64, 36) for n in range(7)])
    (source / "notes.txt").write_text("filmed on Monday")
    return source
