import cv2
import numpy as np
import pytest
from helpers.fake_simulator import FakeSimulator

from doorlab.data.sources.simulation import GenerationConfig, make_door, passive_views
from doorlab.data.video_writer import FRAMES_PER_SECOND, encode_video, render_opening


@pytest.fixture(scope="module")
def frames():
    y, x = np.mgrid[0:48, 0:64]
    moving = [np.stack([(x + 2 * t) % 256, y * 4, (x + y) % 256], -1) for t in range(20)]
    return np.array(moving, dtype=np.uint8)


def decode(data, tmp_path):
    """By OpenCV, which brings its own decoder."""
    file = tmp_path / "video.mp4"
    file.write_bytes(data)
    video = cv2.VideoCapture(str(file))
    code = int(video.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little")
    images = []
    while (read := video.read())[0]:
        images.append(read[1][..., ::-1])
    return np.array(images), code, video.get(cv2.CAP_PROP_FPS)


def test_encode_video_decodes_to_frames(frames, tmp_path):
    decoded, code, rate = decode(encode_video(frames), tmp_path)
    assert decoded.shape == frames.shape
    assert code in (b"h264", b"avc1")
    assert rate == FRAMES_PER_SECOND
    error = (decoded.astype(float) - frames) ** 2
    assert 10 * np.log10(255**2 / error.mean()) > 30  # dB


def test_encode_video_is_deterministic(frames):
    assert len({encode_video(frames) for _ in range(5)}) == 1


def test_film_door_swings_door_then_shows_oracle_opening():
    config = GenerationConfig()
    door = make_door(config, 0)
    view = passive_views(config, 0, door)[0]
    simulator = FakeSimulator()

    def still(position):
        return simulator.render([door], np.array([[position]]), [[view]], 16).images[0, 0]

    film = render_opening(simulator, door, view, size=16)
    np.testing.assert_array_equal(film[0], still(0.0))
    np.testing.assert_array_equal(film[47], still(0.0))
    wide_open = film[23].astype(int) - still(door.opening_limit)
    assert np.abs(wide_open).max() <= 2
    np.testing.assert_array_equal(film[-1], film[-2])
    assert film[-1].astype(int).mean() == pytest.approx(still(door.opening_limit).mean(), abs=2)
