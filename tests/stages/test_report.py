"""The report stage: one file that needs nothing else, and errors for what can't be made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from doorlab.errors import ResultError
from doorlab.stages import report


def test_the_page_stands_alone(tmp_path):
    (tmp_path / "run").mkdir()
    path = report.run(report.Config(run=tmp_path / "run"))
    assert path == tmp_path / "run" / "report" / "index.html"
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert not re.findall(r'(?:src|href)="(?!#|data:)', text)
    assert "<script" not in text
    assert "http" not in text


def test_out_is_respected_and_nothing_is_replaced_silently(tmp_path):
    (tmp_path / "run").mkdir()
    config = report.Config(run=tmp_path / "run", out=tmp_path / "elsewhere")
    path = report.run(config)
    assert path == tmp_path / "elsewhere" / "index.html"
    path.write_text("mine")
    with pytest.raises(ResultError, match="--overwrite"):
        report.run(config)
    assert path.read_text() == "mine"
    report.run(report.Config(run=config.run, out=config.out, overwrite=True))
    assert path.read_text() != "mine"


def test_no_run_is_an_error_and_leaves_nothing_behind(tmp_path):
    with pytest.raises(ResultError, match="the folder of a run"):
        report.run(report.Config(run=tmp_path / "nowhere"))
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResultError, match="a file"):
        report.run(report.Config(run=tmp_path / "file"))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_report_is_made_without_torch_and_without_a_simulator(tmp_path):
    (tmp_path / "run").mkdir()
    code = (
        "import sys, pathlib; from doorlab.stages import report\n"
        f"report.run(report.Config(run=pathlib.Path({str(tmp_path / 'run')!r})))\n"
        "sys.exit('torch' in sys.modules or 'pybullet' in sys.modules)"
    )
    root = Path(report.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
