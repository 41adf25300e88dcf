import subprocess
import sys
from pathlib import Path

import pytest

from doorlab.cli import STAGES, main

ROOT = Path(__file__).parents[1]


def test_help_lists_every_stage(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_every_option_is_explained(stage, capsys):
    assert main([stage, "--help"]) == 0
    out = capsys.readouterr().out
    options = out.split("options")[-1]
    lines = [line.strip("│ ") for line in options.splitlines() if line.startswith("│")]
    text = " ".join(lines)
    for chunk in text.split(" --")[1:]:
        explained = chunk.replace("(default", "").split()
        assert len(explained) > 3, f"--{chunk} of {stage} has no explanation"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["generat"], "did you mean 'generate'"),
        (["generate", "--preset", "smal"], "did you mean 'small'"),
        (["train", "--preset=huge"], "expected a preset out of full, small, tiny"),
        (["info", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_a_non_zero_exit(args, message, capsys):
    assert main(args) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert err.startswith("doorlab: error: expected ")


def test_no_stage_is_an_error_with_usage(capsys):
    assert main([]) == 2
    assert "usage: doorlab STAGE" in capsys.readouterr().out


@pytest.mark.parametrize("script", sorted(p.name for p in (ROOT / "scripts").glob("*_*.py")))
def test_scripts_open_the_same_stages(script):
    if script == "make_handles.py":
        pytest.skip("makes assets")
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, "--help"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "usage: doorlab " in run.stdout
