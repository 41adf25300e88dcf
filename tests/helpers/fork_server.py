"""Processes that are forks of one process which has imported the stages of the command line.

They start in a fraction of a second instead of the seconds that imports take. Tests about the
imports, the environment or the shutdown of an interpreter need a new interpreter instead.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from doorlab.cli import STAGES, command_module, main

FORK_SERVER = multiprocessing.get_context("forkserver")
# A module that is missing in `make torchless` is skipped.
FORK_SERVER.set_forkserver_preload(
    ["pytest", "doorlab.data", "doorlab.report.printing", *map(command_module, STAGES)]
)


def start(
    work: Callable[..., object], *args: object, folder: Path, out: Path, err: Path
) -> ForkServerProcess:
    """Starts `work(*args)` in a folder, with the standard streams in files."""
    process = FORK_SERVER.Process(target=_work_in, args=(folder, out, err, work, args))
    process.start()
    return process


def run(
    work: Callable[..., object], *args: object, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Calls `work(*args)` in a folder and waits for its end."""
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        process = start(work, *args, folder=folder, out=out, err=err)
        process.join()
        status = process.exitcode
        assert status is not None
        words = [str(arg) for arg in args]
        return subprocess.CompletedProcess(words, status, out.read_text(), err.read_text())


def _work_in(folder: Path, out: Path, err: Path, work: Callable[..., object], args) -> None:
    for descriptor, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND), descriptor)
    os.chdir(folder)
    sys.path[:] = [entry for entry in sys.path if entry not in ("", ".")]
    work(*args)


def run_command(*args: str) -> None:
    """Does what the console script does; the folder is not on the Python path."""
    sys.argv = ["doorlab", *args]
    sys.exit(main())


def run_script(path: Path, *args: str) -> None:
    """Runs a file as `python FILE ARGS` does: its folder comes first on the Python path."""
    sys.argv = [str(path), *args]
    sys.path.insert(0, str(path.parent))
    runpy.run_path(str(path), run_name="__main__")
