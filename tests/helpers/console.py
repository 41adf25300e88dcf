"""The command line in a process of its own, as its console script runs it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path


def doorlab(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Runs `doorlab` in a folder, as its console script does: the folder is not on the path."""
    code = "import sys; sys.path.remove(''); from doorlab.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def documented_commands(file: Path) -> list[list[str]]:
    """The arguments of every doorlab command in the docstring of a file."""
    text = file.read_text().split('"""')[1].replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^    doorlab (.*)$", text, re.MULTILINE)]
