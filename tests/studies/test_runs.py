"""Runs of a study: each once, and one thread each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from doorlab.errors import ConfigError
from doorlab.studies.runs import (
    StudyConfig,
    check_choices,
    check_priors,
    run_parallel,
    single_threaded,
)


@dataclass(frozen=True)
class Run:
    name: str


def leave_a_mark(folder: Path, run: Run) -> None:
    with open(folder / run.name, "a") as file:
        file.write(os.environ["OMP_NUM_THREADS"])


@pytest.mark.parametrize("workers", [1, 2])
def test_run_parallel_does_each_run_once_with_one_thread(tmp_path, workers):
    runs = [Run("a"), Run("b"), Run("a")]  # one that was asked for twice is one
    with single_threaded():
        config = StudyConfig(out=tmp_path, workers=workers, device="cpu")
        run_parallel(partial(leave_a_mark, tmp_path), runs, config, "runs")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "1", "b": "1"}


@pytest.mark.parametrize("before", [None, "7"])
def test_single_threaded_restores_number_of_threads(before, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if before:
        monkeypatch.setenv("OMP_NUM_THREADS", before)
    with single_threaded():
        assert os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ.get("OMP_NUM_THREADS") == before


@dataclass(frozen=True)
class Config:
    learning_rates: tuple[float, ...]


def test_check_choices_rejects_empty_and_repeated_values():
    check_choices(Config((1.0, 2.0)), "learning_rates")
    for bad in ((), (1.0, 1.0)):
        with pytest.raises(ConfigError, match="--learning-rates with one value or more"):
            check_choices(Config(bad), "learning_rates")


def test_check_priors_rejects_equal_labels(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "barn.json").write_text("{}")
    check_priors(["narrow", str(tmp_path / "a/barn.json")])
    with pytest.raises(ConfigError, match=r"priors with different names, but got barn, barn"):
        check_priors([str(tmp_path / folder / "barn.json") for folder in ("a", "b")])
    with pytest.raises(ConfigError, match="Did you mean 'narrow'"):
        check_priors(["narow"])
