"""Torch loads pickles and libraries from its compiler's cache: nobody else may write there."""

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
    compile_cache._private_folder.cache_clear()
    yield tmp_path / "cache" / "doorlab"
    compile_cache._private_folder.cache_clear()


def folders():
    with private_compile_cache():
        return [Path(os.environ[name]) for name in NAMES]


def test_it_is_in_the_user_s_cache_and_nobody_else_s(home):
    before = dict(os.environ)
    found = folders()
    assert found == [home / "torchinductor", home / "triton"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in found] == [0o700, 0o700]
    assert dict(os.environ) == before


def test_a_private_folder_that_the_user_names_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv(NAMES[0], str(tmp_path / "named"))
    assert folders()[0] == tmp_path / "named"
    assert os.environ[NAMES[0]] == str(tmp_path / "named")


def test_what_torch_has_put_into_the_environment_is_not_the_user_s_choice(monkeypatch, home):
    monkeypatch.setenv(NAMES[0], f"{tempfile.gettempdir()}/torchinductor_somebody")
    assert folders()[0] == home / "torchinductor"


def test_a_folder_that_others_may_write_to_is_not(tmp_path, monkeypatch, home, caplog):
    named = tmp_path / "named"
    named.mkdir()
    named.chmod(0o777)
    monkeypatch.setenv(NAMES[0], str(named))
    assert folders()[0] == home / "torchinductor"
    assert f"compiled code is not kept in {named}" in caplog.text
    assert not any(named.iterdir())


def test_without_any_private_folder_there_is_a_temporary_one(home, caplog):
    home.mkdir(parents=True)
    for name in ("torchinductor", "triton"):
        (home / name).symlink_to(home)
    found = folders()
    assert all(is_private(folder) and folder.parent != home for folder in found)
    assert found == folders()
    assert len(caplog.records) == 2


@pytest.mark.skipif(getattr(os, "getuid", int)() != 0, reason="needs to give a folder away")
def test_a_folder_of_another_user_is_not_private(tmp_path):
    assert is_private(tmp_path)
    os.chown(tmp_path, 12345, -1)
    assert not is_private(tmp_path)


def test_the_ray_caster_is_compiled_there(monkeypatch, home):
    seen = []

    def compiled(function):
        def spying(*args):
            seen.append(os.environ["TORCHINDUCTOR_CACHE_DIR"])
            return function(*args)

        return spying

    monkeypatch.setattr(compilation, "_compiled", compiled)
    door = make_door(GenerationConfig(doors=1), 0)
    view = View(eye=(0.2, -2.5, 1.5), target=(0.0, 0.0, 1.0), field_of_view=0.9)
    TorchSimulator(compiled=True).render([door], np.zeros((1, 1)), [[view]], 16)
    assert set(seen) == {str(home / "torchinductor")}


@pytest.mark.slow
def test_nothing_is_compiled_where_others_could_have_been_first(monkeypatch, tmp_path, home):
    """What torch's own choice would be is not even looked at. A minute of compiling."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with private_compile_cache():
        assert torch.compile(torch.sin)(torch.zeros(3)).sum() == 0
    assert not any(path.is_file() for path in tmp_path.glob("torchinductor_*/**/*"))
    assert any((home / "torchinductor").iterdir())
