import errno
import os
import subprocess
import sys

import pytest

from doorlab.errors import DatasetError, ResultError
from doorlab.storage import locking
from doorlab.storage.locking import LOCK_FILE, FolderLock

# Errors of flock on a file system without locks; 524 is the kernel's ENOTSUPP.
NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, 524}


def locked_elsewhere(folder):
    """A process that has locked the folder."""
    code = f"""
import sys
from pathlib import Path
from doorlab.storage.locking import FolderLock
lock = FolderLock(Path({str(folder)!r}))
print(flush=True)
sys.stdin.read()
lock.release()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code], **pipes)
    process.stdout.readline()
    return process


@pytest.mark.parametrize("end", ["well", "killed"])
def test_folder_lock_names_owner_to_second_process(tmp_path, end):
    process = locked_elsewhere(tmp_path)
    with pytest.raises(DatasetError, match=f"got process {process.pid} on .*, which writes"):
        FolderLock(tmp_path, DatasetError)
    if end == "killed":
        process.kill()
    process.communicate()
    lock = FolderLock(tmp_path)
    assert lock.was_killed == (end == "killed")
    lock.release()
    assert os.listdir(tmp_path) == []


def test_folder_lock_is_exclusive_within_process(tmp_path):
    lock = FolderLock(tmp_path)
    with pytest.raises(ResultError, match="got this process"):
        FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()


def test_folder_lock_is_not_inherited_by_child_processes(tmp_path):
    code = f"""
import os
from pathlib import Path
from doorlab.storage.locking import FolderLock
lock = FolderLock(Path({str(tmp_path)!r}))
child = os.fork()
if not child:
    os.read(os.pipe()[0], 1)
lock.release()
FolderLock(Path({str(tmp_path)!r})).release()
os.kill(child, 9)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_folder_lock_ignores_removed_lock_file(tmp_path, monkeypatch):
    first = FolderLock(tmp_path)
    flock = locking.fcntl.flock

    def after_the_first_has_ended(descriptor, operation):
        monkeypatch.setattr(locking.fcntl, "flock", flock)
        first.release()
        flock(descriptor, operation)

    monkeypatch.setattr(locking.fcntl, "flock", after_the_first_has_ended)
    second = FolderLock(tmp_path)
    with pytest.raises(ResultError):
        FolderLock(tmp_path)
    second.release()


def test_folder_lock_release_keeps_lock_of_new_folder(tmp_path):
    (tmp_path / "out").mkdir()
    lock = FolderLock(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "old")
    (tmp_path / "out").mkdir()
    other = FolderLock(tmp_path / "out")
    lock.release()
    assert (tmp_path / "out" / LOCK_FILE).exists()
    other.release()


def test_folder_lock_replaces_link(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK_FILE).symlink_to(tmp_path / "thesis.txt")
    lock = FolderLock(tmp_path / "out")
    assert not (tmp_path / "out" / LOCK_FILE).is_symlink()
    lock.release()
    assert (tmp_path / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize("number", sorted(NO_LOCKS))
def test_folder_lock_warns_once_without_file_locks(tmp_path, number):
    """In a process of its own, because a process warns once of every file system."""
    code = f"""
import fcntl
from pathlib import Path
from doorlab.storage.locking import FolderLock
def flock(*_):
    raise OSError({number}, "")
fcntl.flock = flock
for name in ("a", "b"):
    folder = Path({str(tmp_path)!r}) / name
    folder.mkdir()
    FolderLock(folder).release()
"""
    command = [sys.executable, "-c", code]
    warning = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    assert warning.count("\n") == 1
    assert warning.startswith(f"doorlab: warning: the file system of {tmp_path / 'a'} has no locks")
