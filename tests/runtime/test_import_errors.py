import json
import os
import subprocess
import sys

import pytest

from doorlab.doors import get_prior
from doorlab.errors import ConfigError
from doorlab.runtime.import_errors import libraries_imported


@pytest.mark.parametrize(
    ("variable", "value"),
    [("TORCH_LOGS", "x"), ("JAXTYPING_DISABLE", "x"), ("SKLEARN_ENABLE_ARRAY_API", "x")],
)
def test_variables_that_libraries_refuse_are_one_line(variable, value):
    ended = subprocess.run(
        [sys.executable, "-m", "doorlab", "pretrain", "--help"],
        env={**os.environ, variable: value},
        capture_output=True,
        text=True,
    )
    lines = ended.stderr.splitlines()
    assert ended.returncode in (0, 2)
    assert ended.returncode == 0 or (
        len(lines) == 1
        and lines[0].startswith("doorlab: error: expected libraries that can be imported; got")
    )
    assert variable == "SKLEARN_ENABLE_ARRAY_API" or ended.returncode == 2


def test_errors_of_libraries_are_told_and_those_of_doorlab_pass():
    with (
        pytest.raises(ConfigError, match=r"got JSONDecodeError .*; unset the"),
        libraries_imported(),
    ):
        json.loads("{")
    with pytest.raises(ConfigError, match="did you mean 'narrow'"), libraries_imported():
        get_prior("narow")
