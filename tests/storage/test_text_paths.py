"""Names that are bytes and not text, where text is wanted."""

import os
import subprocess
from pathlib import Path

import pytest

from doorlab.errors import ConfigError
from doorlab.storage import text_paths
from doorlab.storage.files import atomic_write_text
from doorlab.storage.text_paths import TextPath, as_text, is_text, shell_quoted

LATIN = os.fsdecode(b"T\xfcr")


def test_as_text_keeps_text_and_escapes_other_bytes():
    for name in ("door", "T\u00fcr", "a\\b", "\U0001f6aa", ""):
        assert as_text(name) == name
        assert is_text(Path(name))
    assert as_text(LATIN) == r"T\xfcr"
    assert not is_text(Path(LATIN))


@pytest.mark.parametrize("name", [b"T\xfcr", b"it's \\ \xfc", b"a b", b"it's", "T\u00fcr".encode()])
def test_shell_quoted_is_read_back_by_shell(name):
    command = f"printf %s {shell_quoted(os.fsdecode(name))}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert result.stdout == name


def test_atomic_write_text_is_valid_utf_8(tmp_path):
    atomic_write_text(tmp_path / "x", f"doors of {LATIN}")
    assert (tmp_path / "x").read_text(encoding="utf-8") == r"doors of T\xfcr"


def test_text_path_gives_any_folder_a_text_path(tmp_path, monkeypatch):
    folder = tmp_path / LATIN
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes text alone")
    (folder / "x").write_text("here")
    found = TextPath(folder)
    assert is_text(Path(found.path))
    assert (Path(found.path) / "x").read_text() == "here"
    # As on a system without this folder.
    monkeypatch.setattr(text_paths, "_DESCRIPTORS", tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"a name in UTF-8, but got .*T\\udcfcr'. Rename it"):
        TextPath(folder)
