"""The command line in a process of its own, as its console script runs it."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from helpers import fork_server


def doorlab(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Runs `doorlab` in a folder, as its console script does: the folder is not on the path."""
    return fork_server.run(fork_server.run_command, *args, folder=folder)


def documented_commands(file: Path) -> list[list[str]]:
    """The arguments of every doorlab command in the docstring of a file."""
    text = file.read_text().split('"""')[1].replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^    doorlab (.*)$", text, re.MULTILINE)]
