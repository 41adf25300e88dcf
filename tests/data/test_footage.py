from pathlib import Path

import cv2
import numpy as np
import pytest
from filming import picture, write_footage, write_picture, write_video
from hypothesis import given, settings
from hypothesis import strategies as st

from doorlab.data.footage import find_entries, natural_key, open_entry, read_frames, to_square
from doorlab.errors import DatasetError


def blues(frames):
    """The numbers of the pictures that frames show."""
    return [round(frame[..., 2].mean() / 20) for frame in frames]


@pytest.fixture
def source(tmp_path):
    return write_footage(tmp_path / "source")


def test_entries_are_folders_and_videos_in_natural_order(source):
    (source / ".hidden").mkdir()
    entries, others = find_entries(source)
    assert [e.name for e in entries] == ["Cellar", "door 2", "door 10", "kitchen.mp4", "lift.mkv"]
    assert [o.name for o in others] == ["notes.txt"]
    assert [open_entry(e).pictures for e in entries] == [11, 11, 11, 12, 7]


def test_numbers_in_names_count():
    names = ["b", "a10", "a9", "A1", "10", "9", "a", "a1b", "²"]
    ordered = sorted(map(Path, names), key=natural_key)
    assert [p.name for p in ordered] == ["9", "10", "a", "A1", "a1b", "a9", "a10", "b", "²"]


def test_frames_are_evenly_spaced_from_first_to_last(source):
    assert blues(read_frames(source / "door 2", 3, 16, "crop")) == [1, 6, 11]  # IMG_2 before IMG_10
    assert blues(read_frames(source / "kitchen.mp4", 4, 16, "crop")) == [0, 4, 7, 11]
    assert blues(read_frames(source / "lift.mkv", 7, 16, "crop")) == list(range(7))


def test_lossless_pictures_come_back(source):
    frames = read_frames(source / "door 2", 11, 40, "crop")
    expected = [picture(n)[:, 8:48] for n in range(1, 12)]
    np.testing.assert_array_equal(frames, expected)


def test_a_video_looks_as_it_was_filmed(source):
    (first,) = read_frames(source / "kitchen.mp4", 1, 48, "crop")
    assert np.abs(first - picture(0, 48, 64)[:, 8:56].astype(float)).mean() < 4


@settings(deadline=None)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    size=st.integers(8, 40),
    fit=st.sampled_from(["crop", "pad"]),
)
def test_any_size_becomes_a_square(height, width, size, fit):
    square = to_square(np.full((height, width, 3), 90, np.uint8), size, fit)
    assert square.shape == (size, size, 3)
    share = 1 if fit == "crop" else min(height, width) / max(height, width)
    assert square.mean() == pytest.approx(90 * share, abs=1.0)


def test_areas_are_averaged():
    fine = np.indices((64, 64)).sum(0) % 2 * 200  # a chessboard: any other way would alias
    square = to_square(np.repeat(fine[..., None], 3, -1).astype(np.uint8), 16, "crop")
    assert (square == 100).all()


def test_padding_keeps_what_cropping_loses():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, :10] = 255
    assert to_square(image, 30, "crop").max() == 0
    padded = to_square(image, 30, "pad")
    assert (padded[10:20, :10] == 255).all()
    assert padded.sum() == image.sum()


def test_grey_and_transparent_pictures(tmp_path):
    folder = tmp_path / "door"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), np.full((9, 9), 70, np.uint8))
    cv2.imwrite(str(folder / "2.png"), np.full((9, 9, 4), 80, np.uint8))
    cv2.imwrite(str(folder / "3.png"), np.full((9, 9, 3), 90 * 257, np.uint16))
    frames = read_frames(folder, 3, 8, "crop")
    assert [int(f.mean()) for f in frames] == [70, 80, 90]


def test_telephones_films_are_turned_upright(tmp_path):
    upright = picture(3, 64, 48)
    file = write_video(tmp_path / "a.mp4", [np.rot90(upright)] * 3)  # as the sensor lies
    plain = read_frames(file, 1, 48, "crop")[0]
    # Rotation by 90 degrees clockwise, as telephones write it, in the track's display matrix.
    numbers = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30]
    data, turned = file.read_bytes(), np.array(numbers, ">i4").tobytes()
    start = data.index(b"tkhd") + 4 + 40
    identity = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    assert data[start : start + 36] == identity
    file.write_bytes(data[:start] + turned + data[start + 36 :])
    found = read_frames(file, 1, 48, "crop")[0].astype(float)
    assert np.abs(found - upright[8:56]).mean() < 5
    assert np.abs(plain - found).mean() > 10


def test_too_few_pictures(source):
    for name in ("lift.mkv", "door 2"):
        with pytest.raises(DatasetError, match=rf"at least 20 pictures in .*{name}"):
            read_frames(source / name, 20, 16, "crop")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.6])
def test_cut_off_pictures_are_named(tmp_path, suffix, share, capfd):
    file = tmp_path / f"door/a{suffix}"
    rng = np.random.default_rng(0)
    write_picture(file, cv2.GaussianBlur(rng.integers(0, 255, (99, 80, 3), np.uint8), (5, 5), 2))
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(DatasetError, match=rf"read at .*a{suffix}; got one that is empty, dam"):
        read_frames(tmp_path / "door", 1, 16, "crop")


@pytest.mark.parametrize("content", [b"", b"not a video", bytes(1000)])
def test_files_that_are_no_video_are_named(tmp_path, content):
    file = tmp_path / "a.mp4"
    file.write_bytes(content)
    for read in (open_entry, lambda file: read_frames(file, 1, 16, "crop")):
        with pytest.raises(DatasetError, match=r"a picture or video that can be read at .*a\.mp4"):
            read(file)


def test_cut_off_and_soundless_videos_are_errors_or_shorter(tmp_path, source):
    data = (source / "kitchen.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"cut\.mp4"):
        read_frames(tmp_path / "cut.mp4", 8, 16, "crop")
    data = (source / "lift.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"cut\.mkv"):  # its end is gone: too few pictures
        read_frames(tmp_path / "cut.mkv", 7, 16, "crop")


def test_folders_that_are_none(tmp_path, source):
    for path, got in ((tmp_path / "no", "nothing there"), (source / "notes.txt", "a file")):
        with pytest.raises(DatasetError, match=got):
            find_entries(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="got none in"):
        find_entries(tmp_path / "empty")
    with pytest.raises(DatasetError, match=r"one subfolder.*got 11 images in .*door 2 itself"):
        find_entries(source / "door 2")


def test_a_folder_that_may_not_be_read(source, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DatasetError, match=r"a folder that can be read at .*door 2; got no perm"):
        open_entry(source / "door 2")


def test_telephones_pictures_are_turned_upright(tmp_path):
    upright = picture(3, 64, 48)
    file = tmp_path / "door/a.jpg"
    write_picture(file, np.rot90(upright))  # as the sensor lies
    # An EXIF block with one entry: orientation (0x0112), a short (3), 6: turn 90 degrees clockwise.
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    data = file.read_bytes()
    file.write_bytes(data[:2] + segment + data[2:])
    (found,) = read_frames(file.parent, 1, 48, "crop")
    assert np.abs(found - upright[8:56].astype(float)).mean() < 5
