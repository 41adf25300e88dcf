from fractions import Fraction

import av
import numpy as np
import pytest
from helpers.filming import (
    crop_in_container,
    make_image,
    set_display_matrix,
    set_edit,
    write_lossless_video,
    write_video,
)

from doorlab.data.sources.video_files import count_decoded, count_frames, read_frames

ONE = 1 << 16
PATCHES = np.array(
    [[[200, 30, 30], [30, 200, 30]], [[30, 30, 200], [128, 200, 40]]], dtype=np.uint8
)


def patches(height=48, width=64):
    """Four areas of one color each."""
    return PATCHES.repeat(height // 2, axis=0).repeat(width // 2, axis=1)


def first(path):
    (frame,) = read_frames(path, {0})
    return frame


def middles(image):
    height, width = image.shape[:2]
    return image[height // 4 :: height // 2, width // 4 :: width // 2].astype(int)


def moved(image, a, b, c, d):
    """Every pixel moved by the matrix, one by one."""
    height, width = image.shape[:2]
    down, across = np.mgrid[:height, :width]
    x, y = a * across + c * down, b * across + d * down
    shown = np.zeros((np.ptp(y) + 1, np.ptp(x) + 1, 3), np.uint8)
    shown[y - y.min(), x - x.min()] = image
    return shown


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize(
    "matrix",
    [
        (1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0),
        (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0),
    ],
)  # fmt: skip
def test_video_reader_applies_display_matrix(tmp_path, matrix, suffix):
    image = make_image(3, 40, 56)
    file = write_lossless_video(tmp_path / f"a{suffix}", [image])
    set_display_matrix(file, *(number * ONE for number in matrix))
    np.testing.assert_array_equal(first(file), moved(image, *matrix))


def test_video_reader_rounds_nearly_right_angles(tmp_path):
    file = write_lossless_video(tmp_path / "a.mp4", [make_image(3, 40, 56)])
    set_display_matrix(file, -300, ONE - 2, -ONE, 200)
    np.testing.assert_array_equal(first(file), moved(make_image(3, 40, 56), 0, 1, -1, 0))


@pytest.mark.parametrize("degrees", [2, 10, 45, -30, 100])
def test_video_reader_rejects_other_angles(tmp_path, degrees):
    file = write_lossless_video(tmp_path / "a.mp4", [make_image(3)])
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    set_display_matrix(file, *(round(number * ONE) for number in (cos, sin, -sin, cos)))
    with pytest.raises(ValueError, match="other than right angles"):
        first(file)


@pytest.mark.parametrize(
    "matrix", [(1, 0, 1, 1), (2, 0, 0, 1), (0, 2, -1, 0), (1, 0, 0, 0), (0, 0, 1, 0)]
)
def test_video_reader_rejects_shearing_and_stretching_matrices(tmp_path, matrix):
    file = write_lossless_video(tmp_path / "a.mp4", [make_image(3)])
    set_display_matrix(file, *(number * ONE for number in matrix))
    with pytest.raises(ValueError, match="other than right angles"):
        first(file)


def test_video_reader_ignores_zero_matrix_and_scale(tmp_path):
    file = write_lossless_video(tmp_path / "a.mp4", [make_image(3)])
    larger = write_lossless_video(tmp_path / "b.mp4", [make_image(3)])
    set_display_matrix(file, 0, 0, 0, 0)
    np.testing.assert_array_equal(first(file), make_image(3))
    set_display_matrix(larger, 0, 2 * ONE, 2 * ONE, 0)
    np.testing.assert_array_equal(first(larger), moved(make_image(3), 0, 1, 1, 0))


@pytest.mark.parametrize(
    ("aspect", "shape"), [("4/3", (48, 85)), ("8/9", (54, 64)), ("1", (48, 64))]
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_video_reader_applies_pixel_aspect_ratio(tmp_path, aspect, shape, suffix):
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    file = write_video(tmp_path / f"a{suffix}", [patches()], codec, aspect=Fraction(aspect))
    assert first(file).shape == (*shape, 3)
    assert np.abs(middles(first(file)) - middles(patches())).max() < 8


def test_video_reader_rejects_extreme_pixel_aspect_ratio(tmp_path):
    file = write_video(tmp_path / "a.mp4", [patches()], aspect=Fraction(4, 3))
    data, ratio = file.read_bytes(), bytes([0, 0, 0, 4, 0, 0, 0, 3])
    assert data.count(b"pasp" + ratio) == 1
    file.write_bytes(data.replace(b"pasp" + ratio, b"pasp" + bytes([0, 0, 250, 0, 0, 0, 0, 1])))
    with pytest.raises(ValueError, match="more than the"):
        first(file)


def fill(frame, colors, red, blue, full):
    """Writes areas of these colors into a frame of YUV, by the weights of red and blue in Y."""
    r, g, b = np.moveaxis(colors / 255, -1, 0)
    luma = red * r + (1 - red - blue) * g + blue * b
    planes = luma, (b - luma) / (2 - 2 * blue), (r - luma) / (2 - 2 * red)
    bits = frame.format.components[0].bits
    for plane, values, chroma in zip(frame.planes, planes, (0, 1, 1), strict=True):
        if full:
            stored = (2**bits - 1) * values + chroma * 2 ** (bits - 1)
        else:
            stored = 2 ** (bits - 8) * ((224 if chroma else 219) * values + (128 if chroma else 16))
        kind = np.uint8 if bits == 8 else np.uint16
        rows = np.zeros((plane.height, plane.line_size // np.dtype(kind).itemsize), kind)
        areas = stored.repeat(plane.height // 2, axis=0).repeat(plane.width // 2, axis=1)
        rows[:, : plane.width] = areas.round()
        plane.update(rows.tobytes())


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("number", "red", "blue"), [(6, 0.299, 0.114), (1, 0.2126, 0.0722), (9, 0.2627, 0.0593)]
)  # BT.601, BT.709, BT.2020
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p10le"])
def test_video_reader_converts_by_color_matrix_and_range(
    tmp_path, full, number, red, blue, pix_fmt
):
    file = tmp_path / "a.mp4"
    with av.open(file, "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, pix_fmt
        stream.codec_context.colorspace = number
        stream.codec_context.color_range = 2 if full else 1
        frame = av.VideoFrame(64, 48, pix_fmt)
        fill(frame, PATCHES, red, blue, full)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert np.abs(middles(first(file)) - middles(patches())).max() < 6


@pytest.mark.parametrize("depth", ["gray12le", "gray16le", "gbrp16le"])
def test_video_reader_scales_deep_colors(tmp_path, depth):
    image = patches() if depth.startswith("gbr") else patches()[..., :1].repeat(3, axis=2)
    file = write_video(tmp_path / "a.mkv", [image], "ffv1", depth)
    assert np.abs(middles(first(file)) - middles(image)).max() < 3


def test_video_reader_rejects_unconvertible_colors(tmp_path):
    options = {"x264-params": "colormatrix=YCgCo"}
    file = write_video(tmp_path / "a.mp4", [patches()], options=options)
    with pytest.raises(ValueError, match="whose colors"):
        first(file)


def test_video_reader_maps_hdr_reference_white_to_white(tmp_path):
    transfer, white = "arib-std-b67", 0.75  # ITU-R BT.2408: its signal in HLG
    file = tmp_path / "a.mkv"
    with av.open(file, "w") as container:
        stream = container.add_stream("libx265", rate=10)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p10le"
        tags = f"colormatrix=bt2020nc:colorprim=bt2020:transfer={transfer}:range=limited"
        stream.options = {"x265-params": f"log-level=none:lossless=1:{tags}"}
        frame = av.VideoFrame(64, 64, "yuv420p10le")
        for plane, value in zip(frame.planes, (64 + 876 * white, 512, 512), strict=True):
            plane.update(np.full(plane.buffer_size // 2, round(value), np.uint16).tobytes())
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    if int(av.__version__.split(".")[0]) < 18:
        with pytest.raises(ValueError, match="PyAV 18"):
            first(file)
        return
    assert first(file).min() > 250
    (plain,) = (frame.to_ndarray(format="rgb24") for frame in av.open(file).decode(video=0))
    assert plain.max() < 195


@pytest.mark.parametrize(("codec", "pix_fmt"), [("qtrle", "argb"), ("prores_ks", "yuva444p10le")])
def test_video_reader_blends_transparency_with_black(tmp_path, codec, pix_fmt):
    alpha = np.full((48, 64, 1), 255, np.uint8)
    alpha[:, 32:] = 0
    alpha[24:, :32] = 128
    frame = np.concatenate([patches(), alpha], axis=2)
    file = write_video(tmp_path / "a.mov", [frame], codec, pix_fmt)
    left = [[200, 30, 30], [15, 15, 100]]
    expected = np.stack([left, np.zeros((2, 3))], axis=1)
    assert np.abs(middles(first(file)) - expected).max() < 4


def test_video_reader_rejects_transparency_dropped_by_decoder(tmp_path):
    frame = np.concatenate([patches(), patches()[..., :1]], axis=2)
    file = write_video(tmp_path / "a.webm", [frame], "libvpx-vp9", "yuva420p")
    with pytest.raises(ValueError, match="with transparency"):
        first(file)


def test_video_reader_applies_container_crop(tmp_path):
    image = make_image(3, 48, 64)
    file = write_lossless_video(tmp_path / "a.mp4", [image])
    set_display_matrix(file, -ONE, 0, 0, ONE)
    crop_in_container(file, width=40, height=30, right=4, down=-3)
    np.testing.assert_array_equal(first(file), image[6:36, 16:56][:, ::-1])


@pytest.mark.parametrize(("height", "width"), [(50, 66), (34, 18)])
def test_video_reader_applies_codec_crop(tmp_path, height, width):
    image = make_image(3, height, width)  # no multiples of 16, which is what H.264 stores
    np.testing.assert_array_equal(first(write_lossless_video(tmp_path / "a.mp4", [image])), image)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options"),
    [
        ("a.mp4", "libx264", "yuv420p", {"x264-params": "tff=1"}),
        ("a.mov", "prores_ks", "yuv422p10le", {"flags": "+ildct+ilme"}),
    ],
)
def test_video_reader_shows_one_field_of_interlaced_frames(tmp_path, name, codec, pix_fmt, options):
    earlier, later = np.zeros((2, 48, 64, 3), np.uint8)
    earlier[:, 8:16], later[:, 40:48] = 250, 250
    woven = np.where(np.arange(48)[:, None, None] % 2 == 0, earlier, later)
    shown = first(write_video(tmp_path / name, [woven], codec, pix_fmt, options))
    assert shown.shape == earlier.shape
    assert np.abs(shown.astype(int) - earlier).mean() < 5
    assert shown[:, 41:47].max() < 30


def mux(path, films, disposition=None, leave_out=0):
    """One file with the streams of several, without their first packets."""
    with av.open(path, "w") as container:
        packets = []
        for opened in map(av.open, films):
            stream = container.add_stream_from_template(opened.streams.video[0])
            found = [p for p in opened.demux(video=0) if p.size][leave_out:]
            for packet in found:
                packet.stream = stream
            packets += found
        if disposition is not None:
            container.streams[0].disposition = disposition
        container.mux(sorted(packets, key=lambda packet: packet.dts * packet.time_base))
    return path


def test_video_reader_selects_best_stream_and_ignores_cover(tmp_path):
    small = write_video(tmp_path / "small.mkv", [make_image(1, 16, 16)] * 2, "mjpeg", "yuvj420p")
    film = write_video(tmp_path / "film.mkv", [make_image(9, 48, 64)] * 20, options={"bf": "0"})
    both = mux(tmp_path / "both.mkv", [small, film])
    assert first(both).shape == (48, 64, 3)
    assert count_frames(both, 4) == count_decoded(both) == 20
    cover = write_video(tmp_path / "cover.mp4", [make_image(1, 128, 128)], "mjpeg", "yuvj420p")
    covered = mux(tmp_path / "b.mp4", [cover, film], av.stream.Disposition.attached_pic)
    assert first(covered).shape == (48, 64, 3)
    only = mux(tmp_path / "only.mp4", [cover], av.stream.Disposition.attached_pic)
    with pytest.raises(ValueError, match="without a video stream"):
        first(only)


def test_video_reader_applies_edit_list(tmp_path):
    film = write_video(tmp_path / "a.mp4", [make_image(n, 48, 64) for n in range(12)])
    set_edit(film, start=0.4, duration=0.5)
    assert count_frames(film, 20) == count_frames(film, 2) == count_decoded(film) == 5
    blues = [round(frame[..., 2].mean() / 20) for frame in read_frames(film, range(12))]
    assert blues == [4, 5, 6, 7, 8]


def test_count_frames_names_unknown_codec(tmp_path):
    film = write_video(tmp_path / "a.mp4", [make_image(1)])
    film.write_bytes(film.read_bytes().replace(b"avc1\0", b"xyz1\0"))
    with pytest.raises(ValueError, match="codec that FFmpeg does not know"):
        count_frames(film, 1)


def test_video_reader_accepts_titles_not_in_utf_8(tmp_path):
    film = write_video(tmp_path / "a.mp4", [make_image(1)])
    film.write_bytes(film.read_bytes().replace(b"VideoHandler", b"VideoH\xe4ndler"))
    assert count_frames(film, 2) == 1
    assert first(film).shape == make_image(1).shape


def test_read_frames_includes_irregular_timestamps(tmp_path):
    file = tmp_path / "a.mkv"
    with av.open(file, "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for number, time in enumerate([0, 1, 2, 30, 31, 90]):
            frame = av.VideoFrame.from_ndarray(make_image(number, 48, 64), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert [round(f[..., 2].mean() / 20) for f in read_frames(file, range(9))] == list(range(6))


def test_read_frames_rejects_damaged_frames(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (48, 200, 3), np.uint8)
    frames = [noise[:, n : n + 64] for n in range(6)]
    film = write_video(tmp_path / "a.avi", frames, "mpeg4", options={"qscale": "2"})
    data = film.read_bytes()
    film.write_bytes(data[:9000] + bytes(400) + data[9400:])
    with pytest.raises(ValueError, match="damaged frames"):
        list(read_frames(film, range(6)))


def test_count_frames_ignores_packets_without_frames(tmp_path):
    frames, options = [make_image(n, 48, 64) for n in range(12)], {"g": "6", "bf": "0"}
    film = write_video(tmp_path / "film.mkv", frames, options=options)
    cut = mux(tmp_path / "cut.mkv", [film], leave_out=1)  # nothing to see before frame 6
    with av.open(cut) as container:
        assert sum(packet.size > 0 for packet in container.demux(video=0)) == 11
    assert count_frames(cut, 6) == count_decoded(cut) == 6


def test_video_reader_rejects_huge_claimed_size(tmp_path):
    file = write_video(tmp_path / "a.avi", [make_image(1)], "rawvideo")
    data = file.read_bytes()
    width, height = (number.to_bytes(4, "little") for number in (56, 40))
    file.write_bytes(data.replace(width + height, 2 * (12_000).to_bytes(4, "little")))
    with pytest.raises(ValueError, match=r"12,000 x 12,000 pixels, more than the"):
        first(file)
