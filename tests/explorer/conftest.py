"""Runs scripts of the page in node, on stored weights."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doorlab.explorer.page import INFERENCE, script

Evaluate = Callable[[dict[str, Any], str], Any]


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Value of an expression of JavaScript in which `given` has a name; needs node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node, which runs the scripts of the page")

    def run(given: dict[str, Any], expression: str) -> Any:
        ending = (
            'const given = JSON.parse(require("fs").readFileSync(0, "utf8"));\n'
            "const plain = (key, x) => (ArrayBuffer.isView(x) ? Array.from(x) : x);\n"
            f"process.stdout.write(JSON.stringify({expression}, plain));\n"
        )
        names = (*INFERENCE, "films.js", "reward_slice.js")
        (tmp_path / "program.js").write_text(f"{script(names)}\n{ending}")
        done = subprocess.run(
            [node, str(tmp_path / "program.js")],
            input=json.dumps(given), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
