import errno
import os
import subprocess
import sys

import pytest

from doorlab.errors import ResultError
from doorlab.storage import folders
from doorlab.storage.files import temporary_name
from doorlab.storage.folders import atomic_directory, output_folder, remove_leftovers


@pytest.fixture(params=["exchange", "two renames"])
def renaming(request, monkeypatch):
    """With and without a system that can exchange two names."""
    if request.param == "two renames":
        monkeypatch.setattr(folders, "_exchange", lambda *_: False)


def replace_folder_of(path, name):
    with atomic_directory(path) as folder:
        (folder / name).touch()


def test_atomic_directory_is_complete_or_absent(tmp_path):
    def fail_halfway():
        with atomic_directory(tmp_path / "run") as folder:
            (folder / "half").write_text("...")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert os.listdir(tmp_path) == []
    replace_folder_of(tmp_path / "run", "whole")
    assert os.listdir(tmp_path / "run") == ["whole"]


@pytest.mark.usefixtures("renaming")
@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_atomic_directory_replaces_previous_entry(tmp_path, kind):
    target, real = tmp_path / "run", tmp_path / "real"
    real.mkdir()
    (real / "thesis.txt").touch()
    if kind == "folder":
        target.mkdir()
        (target / "old").touch()
    elif kind == "file":
        target.touch()
    else:
        target.symlink_to(real)
    with atomic_directory(target) as folder:
        (folder / "new").touch()
        assert not (target / "new").exists()
    assert os.listdir(target) == ["new"]
    assert not target.is_symlink()
    assert os.listdir(real) == ["thesis.txt"]
    assert sorted(os.listdir(tmp_path)) == ["real", "run"]


def test_atomic_directory_restores_previous_folder_after_error(tmp_path, monkeypatch):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").touch()
    rename = os.rename

    def only_aside(source, to):
        if str(to) == str(target) and os.path.exists(os.path.join(source, "new")):
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(source, to)

    monkeypatch.setattr(folders, "_exchange", lambda *_: False)  # as on systems without it
    monkeypatch.setattr(os, "rename", only_aside)
    with pytest.raises(ResultError, match="a full disk"):
        replace_folder_of(target, "new")
    assert (os.listdir(tmp_path), os.listdir(target)) == (["run"], ["old"])


KILLED = """
import os, signal
from pathlib import Path
from doorlab.storage import folders

def killed_at(moment, path):
    left = [moment]
    def fatal(operation):
        def counted(*args, **kwargs):
            left[0] -= 1
            if not left[0]: os.kill(os.getpid(), signal.SIGKILL)
            return operation(*args, **kwargs)
        return counted
    if not {exchange}: folders._exchange = lambda *_: False
    for name in ("mkdir", "rename", "unlink", "rmdir"):
        setattr(os, name, fatal(getattr(os, name)))
    folders._exchange = fatal(folders._exchange)
    with folders.output_folder(path), folders.atomic_directory(path) as folder:
        for name in ("a", "b"):
            (folder / name).write_text("new")

for moment, path in enumerate(sorted(Path({parent!r}).glob("*/export")), 1):
    child = os.fork()
    if not child:
        killed_at(moment, path)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("exchange", [True, False])
def test_atomic_directory_is_old_or_new_after_kill(tmp_path, exchange):
    targets = [tmp_path / f"{moment:02d}" / "export" for moment in range(1, 13)]
    for target in targets:
        target.mkdir(parents=True)
        for name in ("a", "b"):
            (target / name).write_text("old")
    code = KILLED.format(exchange=exchange, parent=str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert ended.split() == sorted(ended.split())
    assert b"0" in ended  # killed at every moment that there is
    found = []
    for target in targets:
        assert target.is_dir() or not exchange
        with output_folder(target):
            assert os.listdir(target.parent) == ["export"]
            found.append({(target / name).read_text() for name in ("a", "b")})
        assert sorted(os.listdir(target)) == ["a", "b"]
    assert found == sorted(found, key=str, reverse=True)
    assert {"old"} in found
    assert {"new"} in found


def test_remove_leftovers_keeps_files_of_running_processes(tmp_path):
    leftover, folder = tmp_path / temporary_name("a"), tmp_path / temporary_name("b")
    leftover.touch()
    folder.mkdir()
    (folder / "part").touch()
    kept = [".profile.tmp", "notes.tmp", ".x.12345678.tmp.txt"]
    for name in kept:
        (tmp_path / name).touch()
    with atomic_directory(tmp_path / "c") as alive:
        remove_leftovers(tmp_path)
        assert sorted(os.listdir(tmp_path)) == sorted([*kept, alive.name])


def test_output_folder_removes_leftovers_of_its_name_only(tmp_path):
    names = {name: tmp_path / temporary_name(name) for name in ("run", "run.1", "other")}
    for place in names.values():
        place.mkdir()
    with output_folder(tmp_path / "run"):
        assert not names["run"].exists()
    assert names["run.1"].exists()
    assert names["other"].exists()


def test_output_folder_removes_empty_folder(tmp_path):
    with output_folder(tmp_path / "a" / "b") as was_killed:
        assert not was_killed
    assert os.listdir(tmp_path) == []
    with output_folder(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "result").touch()
    assert os.listdir(tmp_path / "a" / "b") == ["result"]


def test_output_folder_rejects_second_process(tmp_path):
    with output_folder(tmp_path), pytest.raises(ResultError, match=f"{tmp_path} to be free"):
        output_folder(tmp_path).__enter__()


def test_output_folder_follows_link_to_folder(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    with output_folder(tmp_path / "run"), pytest.raises(ResultError, match="to be free"):
        output_folder(tmp_path / "disk").__enter__()
    (tmp_path / "disk").rmdir()
    with pytest.raises(ResultError, match=r"a link to .*/disk, which does not exist. Create that"):
        output_folder(tmp_path / "run").__enter__()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_output_folder_rejects_unwritable_folder(tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    code = f"""
import os
from doorlab.storage.folders import output_folder
os.setuid(65534)
output_folder({str(tmp_path / "run")!r}).__enter__()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"Expected permission to write for {tmp_path}/run, but got none" in ended.stderr
