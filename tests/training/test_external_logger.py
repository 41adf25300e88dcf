"""The adapter with stub modules that have the interface of wandb and trackio."""

import importlib
import json
import logging
import sys

import pytest
from helpers.toys import train_toy

from doorlab.configs import updated
from doorlab.errors import ConfigError
from doorlab.training import launch
from doorlab.training.external_logger import ExternalLogger, check_logger

STUB = """
import os
calls = []
failing = os.environ.get("STUB_FAILS")

def _record(call, /, *args, **options):
    if call == failing:
        raise RuntimeError(f"{call}: the service\\nis down")
    calls.append([call, args, options])

def init(**options): _record("init", **options)
def log(scalars, step): _record("log", scalars, step)
def finish(): _record("finish")
"""


@pytest.fixture(params=["wandb", "trackio"])
def name(request, tmp_path, monkeypatch):
    """Name of a library that is replaced by a stub module."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / f"{request.param}.py").write_text(STUB)
    monkeypatch.syspath_prepend(str(modules))
    monkeypatch.delitem(sys.modules, request.param, raising=False)
    yield request.param
    sys.modules.pop(request.param, None)


def calls_of(name):
    return importlib.import_module(name).calls


def run_ids(name):
    """The identity of every started run: the id of wandb, the name of trackio."""
    key = "id" if name == "wandb" else "name"
    return [options[key] for call, _, options in calls_of(name) if call == "init"]


def test_external_logger_sends_scalars_and_settings(name, tmp_path):
    run = tmp_path / "my_run"
    run.mkdir()
    logger = ExternalLogger(name, "doors", run, {"seed": 3})
    logger.add(5, {"train/loss": 0.5})
    logger.add(10, {"train/loss": 0.25, "train/kl": 2.0})
    logger.close()
    logger.close()
    (start, *logs, end) = calls_of(name)
    assert start[0] == "init"
    assert {k: start[2][k] for k in ("project", "config", "resume")} == {
        "project": "doors",
        "config": {"seed": 3},
        "resume": "allow",
    }
    assert start[2]["name"].startswith("my_run-")
    assert [args for _, args, _ in logs] == [
        ({"train/loss": 0.5}, 5),
        ({"train/loss": 0.25, "train/kl": 2.0}, 10),
    ]
    assert end[0] == "finish"


def test_external_logger_starts_no_run_without_scalars(name, tmp_path):
    ExternalLogger(name, "doors", tmp_path).close()
    assert calls_of(name) == []
    assert not (tmp_path / "logger.json").exists()


@pytest.mark.parametrize("damage", ["{", json.dumps({"logger": "wandb"}), None])
def test_external_logger_continues_stored_run(name, tmp_path, damage):
    """A new one for another project, and if the file is damaged or missing."""
    for project in ("doors", "doors", "others"):
        ExternalLogger(name, project, tmp_path).add(1, {"a": 1.0})
    path = tmp_path / "logger.json"
    path.unlink() if damage is None else path.write_text(damage)
    ExternalLogger(name, "others", tmp_path).add(1, {"a": 1.0})
    first, second, third, fourth = run_ids(name)
    assert first == second
    assert len({first, third, fourth}) == 3


@pytest.mark.parametrize("failing", ["init", "log", "finish"])
def test_external_logger_failure_logs_one_warning(name, tmp_path, monkeypatch, caplog, failing):
    monkeypatch.setenv("STUB_FAILS", failing)
    logger = ExternalLogger(name, "doors", tmp_path)
    with caplog.at_level(logging.WARNING):
        logger.add(1, {"a": 1.0})
        logger.add(2, {"a": 2.0})
        logger.close()
    (record,) = caplog.records
    assert f"RuntimeError: {failing}: the service is down" in record.getMessage()


@pytest.mark.parametrize("failing", ["", "log"])
def test_fit_continues_external_run(name, tmp_path, monkeypatch, config, task, failing):
    """A resumed run is one run with the steps of both; a failing library changes no result."""
    monkeypatch.setenv("STUB_FAILS", failing)
    config = updated(config, logger=name)
    for stop in (10, 0):
        part = updated(config, stop_after=stop)
        _, history = launch(train_toy, config.compute, part, task, tmp_path / "run")
    plain = updated(config, logger="tensorboard")
    assert history == launch(train_toy, config.compute, plain, task, tmp_path / "plain")[1]
    assert len(run_ids(name)) == 2
    assert len(set(run_ids(name))) == 1
    sent = [args for call, args, _ in calls_of(name) if call == "log" and "train/loss" in args[0]]
    expected = [] if failing else [(r["step"], r["loss"]) for r in history["train"]]
    assert [(step, scalars["train/loss"]) for scalars, step in sent] == expected


def test_check_logger_refuses_missing_library(tmp_path, monkeypatch):
    (tmp_path / "wandb").mkdir()  # as wandb leaves behind: not the library
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    for name in ("wandb", "trackio"):
        with pytest.raises(
            ConfigError, match=rf"the library {name} .*pip install 'doorlab\[{name}"
        ):
            check_logger(name)
    check_logger("tensorboard")
    with pytest.raises(ConfigError, match="Did you mean 'wandb'"):
        check_logger("wandbb")
