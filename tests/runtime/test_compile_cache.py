"""Torch loads pickles and libraries from its compile cache: only the user may write there."""

import os
import stat
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from doorlab.data.sources.simulation import GenerationConfig, make_door
from doorlab.doors import View
from doorlab.runtime import compile_cache
from doorlab.runtime.compile_cache import is_private, private_compile_cache
from doorlab.sim.torch import TorchSimulator, compilation

NAMES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no owners and modes")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compile_cache._private_folder.cache_clear()  # a process chooses its folders once
    yield tmp_path / "cache" / "doorlab"
    compile_cache._private_folder.cache_clear()


def folders():
    with private_compile_cache():
        return [Path(os.environ[name]) for name in NAMES]


def test_compile_cache_is_private_folder_in_user_cache(home):
    before = dict(os.environ)
    found = folders()
    assert found == [home / "torchinductor", home / "triton"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in found] == [0o700, 0o700]
    assert dict(os.environ) == before


def test_compile_cache_uses_private_folder_named_by_user(tmp_path, monkeypatch):
    monkeypatch.setenv(NAMES[0], str(tmp_path / "named"))
    assert folders()[0] == tmp_path / "named"
    assert os.environ[NAMES[0]] == str(tmp_path / "named")


def test_compile_cache_ignores_variable_set_by_torch(monkeypatch, home):
    monkeypatch.setenv(NAMES[0], f"{tempfile.gettempdir()}/torchinductor_somebody")
    assert folders()[0] == home / "torchinductor"


def test_compile_cache_rejects_folder_writable_by_others(tmp_path, monkeypatch, home, caplog):
    named = tmp_path / "named"
    named.mkdir()
    named.chmod(0o777)
    monkeypatch.setenv(NAMES[0], str(named))
    assert folders()[0] == home / "torchinductor"
    assert f"compiled code is not kept in {named}" in caplog.text
    assert not any(named.iterdir())


def test_compile_cache_falls_back_to_temporary_folder(home, caplog):
    home.mkdir(parents=True)
    for name in ("torchinductor", "triton"):
        (home / name).symlink_to(home)
    found = folders()
    assert all(is_private(folder) and folder.parent != home for folder in found)
    assert found == folders()
    assert len(caplog.records) == 2


@pytest.mark.skipif(getattr(os, "getuid", int)() != 0, reason="needs to give a folder away")
def test_is_private_rejects_folder_of_another_user(tmp_path):
    assert is_private(tmp_path)
    os.chown(tmp_path, 12345, -1)
    assert not is_private(tmp_path)


def test_ray_caster_is_compiled_in_private_cache(monkeypatch, home):
    seen = []

    def compiled(function):
        def spying(*args):
            seen.append(os.environ["TORCHINDUCTOR_CACHE_DIR"])
            return function(*args)

        return spying

    # Not `torch.compile`, whose result would be cached for later tests.
    monkeypatch.setattr(compilation, "_compiled", compiled)
    door = make_door(GenerationConfig(doors=1), 0)
    view = View(eye=(0.2, -2.5, 1.5), target=(0.0, 0.0, 1.0), field_of_view=0.9)
    TorchSimulator(compiled=True).render([door], np.zeros((1, 1)), [[view]], 16)
    assert set(seen) == {str(home / "torchinductor")}


@pytest.mark.slow
def test_compile_cache_never_uses_shared_temporary_folder(monkeypatch, tmp_path, home):
    """The default folder of torch is never read. Takes a minute of compiling."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with private_compile_cache():
        assert torch.compile(torch.sin)(torch.zeros(3)).sum() == 0
    assert not any(path.is_file() for path in tmp_path.glob("torchinductor_*/**/*"))
    assert any((home / "torchinductor").iterdir())
