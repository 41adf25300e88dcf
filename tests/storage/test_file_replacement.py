import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from doorlab.errors import ResultError
from doorlab.storage.file_replacement import complete_replacement, replacing_files
from doorlab.storage.folders import output_folder

LAST, OURS = "list.json", {"list.json", "data/a", "data/b", "data/c"}


def is_ours(file):
    return file in OURS


def write(folder, **contents):
    for name, content in contents.items():
        file = folder / (LAST if name == "list" else f"data/{name}")
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)


def contents(folder):
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_text() for file in files}


@pytest.fixture
def folder(tmp_path):
    """With earlier files, and a file of the user."""
    path = tmp_path / "hub"
    path.mkdir()
    write(path, list="old", a="old", b="old")
    (path / "notes").write_text("precious")
    return path


NEW = {"list.json": "new", "data/a": "new", "data/c": "new", "notes": "precious"}


def test_replacing_files_keeps_foreign_files(folder):
    with replacing_files(folder, LAST, is_ours) as new:
        write(new, list="new", a="new", c="new")
        assert (folder / "data/a").read_text() == "old"
    assert contents(folder) == NEW


def test_replacing_files_changes_nothing_after_error(folder):
    before = contents(folder)

    def fail():
        with replacing_files(folder, LAST, is_ours) as new:
            write(new, list="new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert contents(folder) == before


KILLED = """
import os, signal
from pathlib import Path
sys_path = {sys_path!r}
import sys; sys.path[:] = sys_path
from doorlab.storage import file_replacement as merging
from test_file_replacement import LAST, is_ours, write

def killed_at(moment, path):
    left = [moment]
    def fatal(operation):
        def counted(*args, **kwargs):
            left[0] -= 1
            if not left[0]: os.kill(os.getpid(), signal.SIGKILL)
            return operation(*args, **kwargs)
        return counted
    for name in ("mkdir", "rename", "replace", "unlink", "rmdir"):
        setattr(os, name, fatal(getattr(os, name)))
    with merging.replacing_files(path, LAST, is_ours) as new:
        write(new, list="new", a="new", c="new")

for moment, path in enumerate(sorted(Path({parent!r}).glob("*/hub")), 1):
    child = os.fork()
    if not child:
        killed_at(moment, path)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_complete_replacement_finishes_or_discards_after_kill(tmp_path):
    folders = [tmp_path / f"{moment:02d}" / "hub" for moment in range(1, 40)]
    for folder in folders:
        folder.mkdir(parents=True)
        write(folder, list="old", a="old", b="old")
        (folder / "notes").write_text("precious")
    old, found = contents(folders[0]), []
    code = KILLED.format(parent=str(tmp_path), sys_path=[os.path.dirname(__file__), *sys.path])
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert ended.split() == sorted(ended.split())
    assert b"0" in ended  # killed at every moment that there is
    for folder in folders:
        if (folder / LAST).exists():
            assert any(contents(folder).items() >= whole.items() for whole in (old, NEW))
        complete_replacement(folder, LAST, is_ours)
        found.append(contents(folder))
    changed = found.index(NEW)
    assert found == [old] * changed + [NEW] * (len(found) - changed)
    assert 0 < changed < len(found)


@pytest.fixture
def public_folder():
    """A folder that every user may enter; pytest's own are for one user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("kind", ["tmpfs", "bind", "parent that can't be written to"])
def test_replacing_files_fills_folder_that_cannot_be_renamed(public_folder, kind):
    path = public_folder / "parent" / "hub"
    path.mkdir(parents=True)
    code = f"""
import os, sys
sys.path[:] = {[os.path.dirname(__file__), *sys.path]!r}
from pathlib import Path
from doorlab.storage.folders import output_folder
from doorlab.storage.file_replacement import replacing_files
from test_file_replacement import LAST, is_ours, write
if {kind.startswith("parent")}: os.setuid(65534)
for text in ("old", "new"):
    path = Path({str(path)!r})
    with output_folder(path), replacing_files(path, LAST, is_ours) as new:
        write(new, list=text, a=text)
"""
    if kind.startswith("parent"):
        path.chmod(0o777)
    else:
        mount = ["-t", "tmpfs", "tmpfs"] if kind == "tmpfs" else ["--bind", str(path)]
        if subprocess.run(["mount", *mount, str(path)], check=False).returncode:
            pytest.skip("mounting needs more rights")
    try:
        subprocess.run([sys.executable, "-c", code], check=True)
        assert contents(path) == {"list.json": "new", "data/a": "new"}
        assert os.listdir(path.parent) == ["hub"]
    finally:
        if not kind.startswith("parent"):
            subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_replacing_files_explains_system_error(folder, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    before = contents(folder)
    monkeypatch.setattr(os, "rename", refuse)
    with (
        output_folder(folder),
        pytest.raises(ResultError, match="a full disk"),
        replacing_files(folder, LAST, is_ours) as new,
    ):
        write(new, list="new")
    assert contents(folder) == before
