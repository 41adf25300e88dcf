"""Random trials of the command line, for 20 seconds: none ends with a traceback."""

import random
import time

import pytest
from runner import import_everything, judge, make_artifacts, run_trial
from trials import draw_damage_trial, draw_environment_trial, draw_option_trial

SECONDS = 20  # for all trials, and what they need


@pytest.mark.parametrize(
    ("status", "output", "fault"),
    [
        (0, "fine", ""),
        (2, "doorlab: error: expected x; got y; correct it", ""),
        (1, "Traceback (most recent call last):\n ...", "Traceback (most recent call last)"),
        (1, "", "exit status 1 with 0 error lines"),
        (-11, "", "ended by signal 11"),
        (2, "doorlab: error: one\ntwo", "an error of several lines"),
        (None, "still busy", ""),
    ],
)
def test_judge_names_the_fault(status, output, fault):
    assert judge(status, output) == fault


def test_random_trials_end_with_success_or_one_line(tmp_path):
    end = time.monotonic() + SECONDS
    import_everything()
    artifacts = make_artifacts(tmp_path / "artifacts")
    draws = [draw_option_trial, draw_damage_trial] * 10 + [draw_environment_trial]
    number = 0
    while time.monotonic() < end:
        trial = draws[number % len(draws)](random.Random(f"suite/{number}"))
        ending = run_trial(trial, artifacts, tmp_path / f"trial-{number}", limit=10)
        assert not ending.fault, f"{ending.fault}: {trial}\n{ending.output}"
        number += 1
    assert number  # at least one
