"""The report stage: one file that needs nothing else, and errors for what can't be made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from doorlab import cli
from doorlab.errors import ResultError
from doorlab.stages import report


@pytest.fixture
def run(tmp_path):
    """A finished training run."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.json").write_text('{"kind": "ssnp", "seed": 5}')
    return tmp_path / "run"


def test_report_page_is_self_contained(run, capsys):
    path = report.run(report.Config(runs=(run,)))
    assert path == run / "report" / "index.html"
    assert capsys.readouterr().out == f"{path}\n"
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert not re.findall(r'(?:src|href)="(?!#|data:)', text)
    assert "<script" not in text
    assert "http" not in text


def test_report_uses_out_and_never_replaces_silently(run, tmp_path):
    config = report.Config(runs=(run,), out=tmp_path / "elsewhere")
    path = report.run(config)
    assert path == tmp_path / "elsewhere" / "index.html"
    path.write_text("mine")
    with pytest.raises(ResultError, match="--overwrite"):
        report.run(config)
    assert path.read_text() == "mine"
    report.run(report.Config(runs=config.runs, out=config.out, overwrite=True))
    assert path.read_text() != "mine"


def test_report_command_rejects_empty_run_and_leaves_nothing(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    assert cli.main(["report", "--run", str(tmp_path / "run")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Expected a dataset, or a finished run" in said.err
    assert said.err.count("\n") == 1
    assert list((tmp_path / "run").iterdir()) == []


def test_report_rejects_missing_run_and_leaves_nothing(tmp_path):
    with pytest.raises(ResultError, match="the folder of a run"):
        report.run(report.Config(runs=(tmp_path / "nowhere",)))
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResultError, match="a file"):
        report.run(report.Config(runs=(tmp_path / "file",)))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_report_needs_neither_torch_nor_simulator(run):
    code = (
        "import sys, pathlib; from doorlab.stages import report\n"
        f"report.run(report.Config(runs=(pathlib.Path({str(run)!r}),)))\n"
        "sys.exit('torch' in sys.modules or 'pybullet' in sys.modules)"
    )
    root = Path(report.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
