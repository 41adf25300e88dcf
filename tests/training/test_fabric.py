import os
import subprocess
import sys

import pytest
from helpers.left_by_launchers import TORCHRUN


@pytest.mark.parametrize("value", ["x", "-1"])
def test_fabric_is_imported_with_variables_of_other_launchers(value):
    """Lightning reads RANK and others while it is imported, as whole numbers."""
    left = dict.fromkeys((*TORCHRUN, "SLURM_PROCID", "LT_DEVICES"), value)
    code = "import os, doorlab.stages.train, doorlab.benchmarks.training; print(os.environ['RANK'])"
    ended = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **left}, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout.rstrip("\n"), ended.stderr) == (0, value, "")
