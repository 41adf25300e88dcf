"""`pip install --editable` of a clone: doorlab can be imported from anywhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("setuptools", minversion="77")

ROOT = Path(__file__).parents[1]
BUILD = "from setuptools import build_meta; build_meta.build_editable('dist')"
# Without the environment that the tests run in, which has doorlab, too.
IMPORT = """
import importlib.util, site, sys
site.addsitedir(sys.argv[1])
import doorlab.errors
places = [importlib.util.find_spec(name).origin for name in ("doorlab_envs", "doorlab.assets")]
print(doorlab.__file__, *places, sep="\\n")
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A clone in a folder of its name, as `git clone` makes it."""
    clone = tmp_path_factory.mktemp("parent") / "doorlab"
    for folder in ("doorlab", "envs", "assets"):
        ignored = shutil.ignore_patterns("__pycache__", "*.png", "*.obj")
        shutil.copytree(ROOT / folder, clone / folder, ignore=ignored)
    for file in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, clone)
    subprocess.run([sys.executable, "-c", BUILD], cwd=clone, check=True, capture_output=True)
    return clone


@pytest.fixture(scope="module")
def wheel(clone) -> zipfile.ZipFile:
    (path,) = (clone / "dist").glob("*.whl")
    return zipfile.ZipFile(path)


def test_editable_install_is_importable_beside_clone(clone, wheel, tmp_path):
    wheel.extractall(tmp_path)
    run = subprocess.run(
        [sys.executable, "-S", "-c", IMPORT, str(tmp_path)],
        cwd=clone.parent,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    package, envs, assets = run.stdout.splitlines()
    assert Path(package) == clone / "doorlab" / "__init__.py"
    assert Path(envs) == clone / "envs" / "doorlab_envs" / "__init__.py"
    assert Path(assets) == clone / "assets" / "__init__.py"


def test_editable_install_records_every_file(wheel):
    names = set(wheel.namelist())
    (record,) = (name for name in names if name.endswith(".dist-info/RECORD"))
    recorded = {line.split(",")[0] for line in wheel.read(record).decode().splitlines()}
    assert recorded == names
