"""Progress without a terminal: one line with the work, the number, its unit and the time."""

from __future__ import annotations

import re

import pytest

from doorlab.terminal.progress import counted, progress_bar, track


@pytest.mark.parametrize(
    ("number", "unit", "words"),
    [
        (0, "steps", "0 steps"),
        (1, "steps", "1 step"),
        (2200, "steps", "2,200 steps"),
        (1, "policies", "1 policy"),
        (1, "doors generated", "1 door generated"),
        (3, "doors generated", "3 doors generated"),
    ],
)
def test_counted_agrees_in_number(number, unit, words):
    assert counted(number, unit) == words


def test_track_prints_work_number_unit_and_seconds(capsys):
    assert list(track("abc", "vae", "images")) == ["a", "b", "c"]
    assert re.fullmatch(r"vae: 3 images in \d+\.\d s\n", capsys.readouterr().err)


def test_progress_bar_counts_steps_of_this_process_only(capsys):
    with progress_bar("ssnp", "steps", 30, before=20) as advance:
        advance(10)
    assert capsys.readouterr().err.startswith("ssnp: 10 steps in ")


def test_progress_bar_on_terminal_shows_unit_and_start(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar("ssnp", "steps", 30, before=20) as advance:
        advance(1)
    shown = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", capsys.readouterr().err)
    assert re.search(r"ssnp .* 2[01]/30 steps", shown)


def test_track_in_notebook_without_ipywidgets_does_not_warn(monkeypatch):
    """Warnings are errors here; rich warns where it can't redraw a bar in a notebook."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("doorlab.terminal.progress.find_spec", lambda name: None)
    assert list(track("abc", "vae", "images")) == ["a", "b", "c"]
