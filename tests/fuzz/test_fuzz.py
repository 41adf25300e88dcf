"""Random trials of the command line, for a few seconds: none ends with a traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from runner import judge

SECONDS = 5  # for all trials, without the imports and what trials damage
LONG_FUZZ = Path(__file__).with_name("long.py")


@pytest.mark.parametrize(
    ("status", "output", "fault"),
    [
        (0, "fine", ""),
        (2, "doorlab: error: expected x, but got y. Correct it", ""),
        (1, "Traceback (most recent call last):\n ...", "Traceback (most recent call last)"),
        (1, "", "exit status 1 with 0 error lines"),
        (-11, "", "ended by signal 11"),
        (2, "doorlab: error: one\ntwo", "an error of several lines"),
        (None, "still busy", ""),
    ],
)
def test_judge_names_fault(status, output, fault):
    assert judge(status, output) == fault


def test_random_trials_end_with_success_or_one_line():
    """In a process of its own: trials are forks, and TensorStore's threads do not survive one."""
    command = [sys.executable, LONG_FUZZ, "--seed", "7", "--seconds", str(SECONDS), "--limit", "10"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["trials"] >= 1
