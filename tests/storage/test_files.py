import contextlib
import errno
import os
import socket
import stat

import numpy as np
import pytest

from doorlab.errors import DatasetError, ResultError
from doorlab.storage import files


def test_atomic_write_keeps_old_file_after_error(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    files.atomic_write_json(path, {"a": 1})

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultError, match=r"a full disk\. Free some space"):
        files.atomic_write_json(path, {"a": 2})
    assert files.read_json(path) == {"a": 1}
    assert os.listdir(tmp_path) == ["result.json"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "values that are nested too deeply"),
        (b'{"a": ' + b"1" * 5000 + b"}", "Exceeds the limit"),
        (b'{"a": Infinity}', "the number Infinity, which JSON does not have"),
        (b'{"a": NaN}', "the number NaN"),
        (b"\xff{}", "can't decode byte"),
        (b"{", "Expecting property name"),
        (b"[]", "a JSON object in .* got list"),
        (b"", "Expecting value"),
    ],
)
def test_read_json_reports_invalid_content_in_one_line(tmp_path, content, words):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    for error in (ResultError, DatasetError):
        with pytest.raises(error, match=words) as caught:
            files.read_json(path, error)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "a file .*, but got none. Check the path, or run the stage"),
        (errno.ENOTDIR, "a file .*, but got none"),
        (errno.EISDIR, "got a folder. Move the folder elsewhere"),
        (errno.EACCES, r"permission to read .*, but got none. Allow it: chmod u\+r"),
        (errno.EIO, "a disk on which .* is readable, but got Input/output error. Check the disk"),
    ],
)
def test_read_json_reports_system_error_in_one_line(tmp_path, monkeypatch, number, words):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(ResultError, match=words):
        files.read_json(tmp_path / "file.json")


def test_arrays_round_trip_through_file(tmp_path):
    path = tmp_path / "file.npz"
    files.atomic_write_arrays(path, {"a": np.arange(3), "b": np.ones((2, 2))})
    found = files.read_arrays(path, ["a"])
    assert found.keys() == {"a", "b"}
    np.testing.assert_array_equal(found["a"], np.arange(3))
    with pytest.raises(ResultError, match=r"the array c in .*, but got a file without it. Make"):
        files.read_arrays(path, ["a", "c"])
    with pytest.raises(ResultError, match=r"got none\. Check the path"):
        files.read_arrays(tmp_path / "none.npz")


def test_read_arrays_detects_changed_values(tmp_path):
    """Zip's own checksum finds them; bytes that hold dates and sizes are allowed to differ."""
    path = tmp_path / "file.npz"
    wanted = np.arange(40) * 7
    files.atomic_write_arrays(path, {"a": wanted})
    whole, accepted = path.read_bytes(), []
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 64
        path.write_bytes(data)
        with contextlib.suppress(ResultError):
            accepted += [found for name, found in files.read_arrays(path).items() if name == "a"]
    assert all(np.array_equal(found, wanted) for found in accepted)


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x80\x04N."])
def test_read_arrays_rejects_damaged_file_in_one_line(tmp_path, content):
    path = tmp_path / "file.npz"
    path.write_bytes(content)
    with pytest.raises(ResultError, match=r"arrays in .*, but got a damaged file") as caught:
        files.read_arrays(path)
    assert "\n" not in str(caught.value)


def test_read_arrays_never_unpickles_objects(tmp_path):
    np.savez(tmp_path / "file.npz", a=np.array([print], dtype=object))
    with pytest.raises(ResultError, match="allow_pickle"):
        files.read_arrays(tmp_path / "file.npz")


def test_refuse_overwrite_rejects_existing_file(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(ResultError, match="--overwrite"):
        files.refuse_overwrite(tmp_path / "x", overwrite=False)
    files.refuse_overwrite(tmp_path / "x", overwrite=True)
    files.refuse_overwrite(tmp_path / "y", overwrite=False)


def test_atomic_write_json_rejects_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.atomic_write_json(tmp_path / "x.json", {"a": float("nan")})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "got none"), ("{", "got Expecting"), ("[1]", "got list"), (b"\xff", "invalid start")],
)
def test_read_json_raises_error_type_of_caller(tmp_path, content, message):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError, match=message):
        files.read_json(path, DatasetError)


def test_atomic_write_explains_file_in_place_of_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResultError, match="a file there"):
        files.atomic_write_text(tmp_path / "file" / "x", "")


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "device", "link to a device"])
def test_atomic_write_replaces_regular_files_only(tmp_path, kind):
    path = tmp_path / "out.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "device":
        try:
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 7))  # /dev/full
        except OSError:
            pytest.skip("making a device needs root")
    else:
        path.symlink_to("/dev/stdout")
    before = path.lstat()
    with pytest.raises(ResultError, match=r"a regular file or no file at .*out\.json, but got a "):
        files.atomic_write_text(path, "{}")
    assert os.path.samestat(before, path.lstat())
    assert os.listdir(tmp_path) == ["out.json"]


@pytest.mark.parametrize("name", ["/proc/door", "x" * 300, "a/" + "é" * 150])
def test_atomic_write_explains_impossible_names(tmp_path, name):
    with pytest.raises(ResultError) as caught:
        files.atomic_write_text(tmp_path / name, "x")
    assert name in str(caught.value)
    assert "tmp;" not in str(caught.value)


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127])
def test_atomic_write_accepts_longest_names(tmp_path, name):
    files.atomic_write_text(tmp_path / name, "x")
    assert os.listdir(tmp_path) == [name]
    assert files.temporary_names(name).fullmatch(files.temporary_name(name))
    assert not files.temporary_names(name[:-1]).fullmatch(files.temporary_name(name))


def test_check_writable_leaves_path_unchanged(tmp_path):
    files.check_writable(tmp_path / "x")
    assert os.listdir(tmp_path) == []
    (tmp_path / "x").write_text("old")
    files.check_writable(tmp_path / "x")
    assert (tmp_path / "x").read_text() == "old"
    with pytest.raises(ResultError, match="a shorter name"):
        files.check_writable(tmp_path / ("x" * 256))


def test_atomic_write_respects_umask(tmp_path, monkeypatch):
    before = os.umask(0o027)
    try:
        monkeypatch.setattr(os, "umask", None)  # other threads would make files without it
        files.atomic_write_text(tmp_path / "x", "")
    finally:
        monkeypatch.undo()
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_atomic_write_explains_dangling_link(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "unmounted")
    with pytest.raises(ResultError, match=r"a link to .*unmounted, which does not exist"):
        files.atomic_write_text(tmp_path / "out" / "x", "")
