from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.filming import make_image, write_footage, write_image
from hypothesis import given, settings
from hypothesis import strategies as st

from doorlab.data.sources.footage import (
    UnreadableError,
    find_entries,
    find_unreadable,
    natural_key,
    open_entry,
    read_frames,
    to_square,
)
from doorlab.errors import DatasetError


def blues(frames):
    """The numbers of the images that frames show."""
    return [round(frame[..., 2].mean() / 20) for frame in frames]


def write_bytes(path, data=b"?"):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


@pytest.fixture
def source(tmp_path):
    return write_footage(tmp_path / "source")


def test_find_entries_returns_folders_and_videos_in_natural_order(source):
    for clutter in (".hidden", "__MACOSX", "@eaDir"):
        (source / clutter).mkdir()
    for clutter in (".DS_Store", "Thumbs.db", "door 2/desktop.ini"):
        (source / clutter).touch()
    entries, others = find_entries(source)
    assert [e.name for e in entries] == ["Cellar", "door 2", "door 10", "kitchen.mp4", "lift.mkv"]
    assert [o.name for o in others] == ["notes.txt"]
    found = [open_entry(e, 8) for e in entries]
    assert [entry.num_images for entry in found] == [11, 11, 11, 12, 7]
    assert not any(entry.passed_over for entry in found)


def test_open_entry_names_ignored_files(source):
    for name in ("9.HEIC", "10.heic", "10.MOV", "raw/1.png", "LIESMICH"):
        write_bytes(source / "door 2" / name)
    entry = open_entry(source / "door 2", 8)
    assert entry.num_images == 11
    assert entry.passed_over == ("9.HEIC", "10.heic", "10.MOV", "LIESMICH", "raw")
    assert entry.summary() == "door 2 (11, besides 2 .heic and 1 .mov and 1 file and 1 folder)"


def test_to_square_pads_long_image_in_little_memory(monkeypatch):
    image = np.zeros((40, 400, 3), np.uint8)
    image[:, :200] = 250
    expected = to_square(image, 8, "pad").astype(int)
    monkeypatch.setattr("doorlab.data.sources.footage.MAX_PIXELS", 10_000)
    zeros, shapes = np.zeros, []
    monkeypatch.setattr(
        np, "zeros", lambda shape, dtype: shapes.append(shape) or zeros(shape, dtype)
    )
    assert np.abs(to_square(image, 8, "pad") - expected).max() <= 1
    assert shapes == [(100, 100, 3)]


def test_find_unreadable_selects_other_images(source):
    folder = source / "door 2"
    for name in ("IMG_1.png", "IMG_2.png", "IMG_4.png"):
        write_bytes(folder / name)
    bad = find_unreadable(folder, 3)  # of 3, 6, 11, after 1, 6, 11 and 2, 7, 11
    assert list(bad) == ["IMG_1.png", "IMG_2.png"]
    assert all(why.startswith("a file that is empty") for why in bad.values())
    assert blues(read_frames(folder, 3, 16, "crop", leave_out=bad)) == [3, 7, 11]
    with pytest.raises(DatasetError, match=r"door 2/IMG_1.png, .*--skip-unreadable"):
        read_frames(folder, 3, 16, "crop")
    assert len(find_unreadable(folder, 9)) == 3  # eight are left


def test_find_unreadable_rejects_whole_video(source):
    assert find_unreadable(source / "lift.mkv", 7) == {}
    write_bytes(source / "lift.mkv")
    with pytest.raises(UnreadableError, match=r"lift\.mkv"):
        find_unreadable(source / "lift.mkv", 7)


def test_natural_key_orders_numbers_by_value():
    names = ["b", "a10", "a9", "A1", "10", "9", "a", "a1b", "²"]
    ordered = sorted(map(Path, names), key=natural_key)
    assert [p.name for p in ordered] == ["9", "10", "a", "A1", "a1b", "a9", "a10", "b", "²"]


def test_read_frames_are_evenly_spaced(source):
    assert blues(read_frames(source / "door 2", 3, 16, "crop")) == [1, 6, 11]  # IMG_2 before IMG_10
    assert blues(read_frames(source / "kitchen.mp4", 4, 16, "crop")) == [0, 4, 7, 11]
    assert blues(read_frames(source / "lift.mkv", 7, 16, "crop")) == list(range(7))


def test_read_frames_reproduces_lossless_images(source):
    frames = read_frames(source / "door 2", 11, 40, "crop")
    expected = [make_image(n)[:, 8:48] for n in range(1, 12)]
    np.testing.assert_array_equal(frames, expected)


def test_read_frames_reproduces_video_colors(source):
    (first,) = read_frames(source / "kitchen.mp4", 1, 48, "crop")
    assert np.abs(first - make_image(0, 48, 64)[:, 8:56].astype(float)).mean() < 4


@settings(deadline=None)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    size=st.integers(8, 40),
    fit=st.sampled_from(["crop", "pad"]),
)
def test_to_square_accepts_any_size(height, width, size, fit):
    square = to_square(np.full((height, width, 3), 90, np.uint8), size, fit)
    assert square.shape == (size, size, 3)
    share = 1 if fit == "crop" else min(height, width) / max(height, width)
    assert square.mean() == pytest.approx(90 * share, abs=1.0)


def test_to_square_averages_areas():
    fine = np.indices((64, 64)).sum(0) % 2 * 200  # a chessboard: any other way would alias
    square = to_square(np.repeat(fine[..., None], 3, -1).astype(np.uint8), 16, "crop")
    assert (square == 100).all()


def test_to_square_pad_keeps_whole_image():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, :10] = 255
    assert to_square(image, 30, "crop").max() == 0
    padded = to_square(image, 30, "pad")
    assert (padded[10:20, :10] == 255).all()
    assert padded.sum() == image.sum()


def test_read_frames_rejects_too_few_images(source):
    for name in ("lift.mkv", "door 2"):
        with pytest.raises(DatasetError, match=rf"at least 20 images in .*{name}"):
            read_frames(source / name, 20, 16, "crop")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.6])
def test_read_frames_names_truncated_images(tmp_path, suffix, share, capfd):
    file = tmp_path / f"door/a{suffix}"
    rng = np.random.default_rng(0)
    write_image(file, cv2.GaussianBlur(rng.integers(0, 255, (99, 80, 3), np.uint8), (5, 5), 2))
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(
        DatasetError, match=rf"video at .*a{suffix}, but got a file that is empty, dam"
    ):
        read_frames(tmp_path / "door", 1, 16, "crop")


@pytest.mark.parametrize("content", [b"", b"not a video", bytes(1000)])
def test_open_entry_names_invalid_videos(tmp_path, content):
    file = tmp_path / "a.mp4"
    file.write_bytes(content)
    for read in (lambda file: open_entry(file, 1), lambda file: read_frames(file, 1, 16, "crop")):
        with pytest.raises(DatasetError, match=r"a readable image or video at .*a\.mp4"):
            read(file)


def test_read_frames_rejects_truncated_videos(tmp_path, source):
    data = (source / "kitchen.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"cut\.mp4"):
        read_frames(tmp_path / "cut.mp4", 8, 16, "crop")
    data = (source / "lift.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"cut\.mkv"):  # its end is gone: too few images
        read_frames(tmp_path / "cut.mkv", 7, 16, "crop")


def test_find_entries_rejects_invalid_folders(tmp_path, source):
    for path, got in ((tmp_path / "no", "no such folder"), (source / "notes.txt", "a file")):
        with pytest.raises(DatasetError, match=got):
            find_entries(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="got none in"):
        find_entries(tmp_path / "empty")
    with pytest.raises(DatasetError, match=r"one subfolder.*got 11 images in .*door 2 itself"):
        find_entries(source / "door 2")


def test_open_entry_rejects_folder_without_permission(source, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DatasetError, match=r"a readable folder at .*door 2, but got no perm"):
        open_entry(source / "door 2", 8)
