import json
import os
import subprocess
import sys

import pytest

from doorlab.doors import get_prior
from doorlab.errors import ConfigError
from doorlab.runtime.import_errors import libraries_imported


@pytest.mark.parametrize("variable", ["TORCH_LOGS", "JAXTYPING_DISABLE"])
def test_import_error_of_refused_variable_is_one_line(variable):
    ended = subprocess.run(
        [sys.executable, "-m", "doorlab", "pretrain", "--help"],
        env={**os.environ, variable: "x"},
        capture_output=True,
        text=True,
    )
    (line,) = ended.stderr.splitlines()
    assert line.startswith("doorlab: error: Expected libraries that can be imported, but got")
    assert ended.returncode == 2


def test_libraries_imported_converts_library_errors_only():
    with (
        pytest.raises(ConfigError, match=r"got JSONDecodeError .*. Unset the"),
        libraries_imported(),
    ):
        json.loads("{")
    with pytest.raises(ConfigError, match="Did you mean 'narrow'"), libraries_imported():
        get_prior("narow")
