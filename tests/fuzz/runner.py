"""Runs trials of the fuzz test, and judges how they end.

A command must end with exit status 0, or with one line on standard error that begins with
"doorlab: error:" and an exit status of 1 or 2; with 130 when it is interrupted. A traceback, a
signal, or an error of several lines is a fault. A command that goes on until the time limit is
neither: it was asked for much.

Most trials run in forked children of a process that has imported everything, which is ten times as
fast as a new interpreter; variables of the environment need a new one.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from commands import ARTIFACTS, COMMANDS, MANY_RUNS, config_of
from trials import Trial

LIMIT_OF_MANY_RUNS = 3  # seconds: what is refused is refused sooner
MEMORY = 8 << 30  # bytes of address space of a trial
_SIGNS_OF_A_FAULT = (
    "Traceback (most recent call last)",
    "Segmentation fault",
    "Fatal Python error",
)


@dataclass(frozen=True)
class Ending:
    """How a trial ended.

    Attributes:
        status: exit status; minus the signal's number; None for the time limit.
        output: of both streams.
        fault: what is wrong with it; "" if nothing is.
    """

    status: int | None
    output: str
    fault: str


def make_artifacts(folder: Path) -> Path:
    """Makes what the commands read, after `import_everything`; returns the folder."""
    folder.mkdir(parents=True)
    for arguments in ARTIFACTS:
        status, output = _run_forked(arguments, {}, folder, limit=300)
        if status != 0:
            raise RuntimeError(f"doorlab {' '.join(arguments)}: {status}\n{output}")
    _make_images(folder / "images")
    return folder


def _make_images(folder: Path) -> None:
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    for door in range(3):
        (folder / f"door{door}").mkdir(parents=True)
        for frame in range(2):
            image = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            suffix = ("png", "jpg")[frame]
            cv2.imwrite(str(folder / f"door{door}" / f"{frame}.{suffix}"), image)


def import_everything() -> None:
    """Imports what commands import, so that children need not."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for command in COMMANDS:
        config_of(command)
    import doorlab_envs  # noqa: F401


def run_trial(trial: Trial, artifacts: Path, work: Path, limit: float = 60) -> Ending:
    """Runs a trial on a copy of the artifacts in the new folder `work`, and removes it."""
    shutil.copytree(artifacts, work, symlinks=True)
    limit = min(limit, LIMIT_OF_MANY_RUNS) if trial.arguments[0] in MANY_RUNS else limit
    try:
        if trial.damage:
            trial.damage(work)
        arguments = ["new" if a == "OUT" else a for a in trial.arguments]
        run = _run_new if trial.environment else _run_forked
        status, output = run(arguments, trial.environment, work, limit)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Ending(status, output, judge(status, output))


def judge(status: int | None, output: str) -> str:
    """What is wrong with an ending; "" if nothing is."""
    for sign in _SIGNS_OF_A_FAULT:
        if sign in output:
            return sign
    if status is None:
        return ""
    errors = output.count("doorlab: error: ")
    if status < 0:
        return f"ended by signal {-status}"
    if status not in (0, 1, 2, 130):
        return f"exit status {status}"
    if status in (1, 2) and errors != 1:
        return f"exit status {status} with {errors} error lines"
    if (
        status in (1, 2)
        and len(output[output.index("doorlab: error: ") :].strip().splitlines()) > 1
    ):
        return "an error of several lines"
    return ""


def _run_forked(
    arguments: list[str], environment: dict[str, str], work: Path, limit: float
) -> tuple[int | None, str]:
    log = work.with_suffix(".log")
    child = os.fork()
    if child == 0:
        _be_command(arguments, work, log)
    status = _wait(child, limit)
    output = log.read_text(errors="replace")
    log.unlink()
    return status, output


def _be_command(arguments: list[str], work: Path, log: Path) -> None:
    """Turns this process into the command; does not return."""
    status = 70
    try:
        os.setsid()
        descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        os.chdir(work)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        from doorlab.cli import main

        status = main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _run_new(
    arguments: list[str], environment: dict[str, str], work: Path, limit: float
) -> tuple[int | None, str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "doorlab", *arguments], cwd=work, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=limit)
        encoding = environment.get("PYTHONIOENCODING", "").split(":")[0] or "utf-8"
        return process.returncode, output.decode(encoding, errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, output.decode(errors="replace")


def _wait(child: int, limit: float) -> int | None:
    """Exit status of a child, minus a signal's number, or None when it had to be killed."""
    for _ in _ticks(limit):
        ended, state = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(state)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _ticks(limit: float) -> Iterator[None]:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        yield
        time.sleep(0.01)
