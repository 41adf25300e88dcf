"""`doorlab bench` without PyBullet, for all benchmarks that need it."""

import os
import subprocess
import sys

import pytest

CODE = """
import sys
from doorlab.cli import main
if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, main(["bench", "--only", name, "--rounds", "2"]), flush=True)
"""
NEEDED_BY = (
    "frames", "interactions", "torch_frames", "torch_interactions", "convergence", "environment",
    "simulation_share", "panda", "workers", "reading", "codecs", "soak",
)  # fmt: skip


@pytest.fixture
def without_pybullet(tmp_path):
    """An environment in which neither this nor any process below it finds PyBullet."""
    missing = "raise ModuleNotFoundError(\"No module named 'pybullet'\", name='pybullet')\n"
    (tmp_path / "pybullet.py").write_text(missing)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}


def test_benchmarks_name_missing_pybullet_in_one_line(without_pybullet, tmp_path):
    script = tmp_path / "bench.py"
    script.write_text(CODE)
    done = subprocess.run(
        [sys.executable, script, *NEEDED_BY],
        env=without_pybullet,
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stderr.replace("\r", "\n").splitlines()
    assert "Traceback" not in done.stderr
    errors = [line for line in said if line.startswith("doorlab: error: Expected pybullet")]
    assert len(errors) == len(NEEDED_BY)
    assert done.stdout.split() == [word for name in NEEDED_BY for word in (name, "2")]
