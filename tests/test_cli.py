import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from helpers import fork_server

from doorlab.cli import STAGES, main, parse

ROOT = Path(__file__).parents[1]
SCRIPTS = {
    "generate_dataset": "generate",
    "import_footage": "import",
    "export_dataset": "export",
    "pretrain": "pretrain",
    "train_reward": "train",
    "evaluate_bandit": "bandit",
    "plot_latents": "plot",
}


def test_help_lists_every_stage(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in STAGES)


def unexplained(help_text):
    """Options of a help page that no words follow."""
    options = re.split(r"\n(?=  --?[a-z])", help_text)[1:]
    assert len(options) > 1, "no options were found: the page looks otherwise than expected"
    found = []
    for option in options:
        words = re.sub(r"\((default|required|repeatable).*?\)", "", " ".join(option.split()))
        plain = [word for word in words.split() if re.fullmatch(r"[A-Z]?[a-z]+[,.;:]?", word)]
        if len(plain) < 2:
            found.append(option)
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_help_explains_every_option(stage, capsys):
    assert main([stage, "--help"]) == 0
    assert unexplained(capsys.readouterr().out) == []


def test_unexplained_finds_option_without_help(capsys):
    @dataclass(frozen=True)
    class Config:
        doors: int = 3
        """How many doors there are."""
        jobs: int = 0

    stage = ModuleType("stage", "A stage.")
    stage.Config = Config
    with pytest.raises(SystemExit):
        parse(stage, "stage", ["--help"])
    (found,) = unexplained(capsys.readouterr().out)
    assert "--jobs" in found


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["generat"], "Did you mean 'generate'"),
        (["generate", "--preset", "smal"], "Did you mean 'small'"),
        (["train", "--preset=huge"], "Expected a preset out of full, small, tiny"),
        (["info", "nowhere"], "nowhere"),
    ],
)
def test_command_line_reports_invalid_input_in_one_line(args, message, capsys):
    assert main(args) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert err.startswith("doorlab: error: Expected ")


def test_command_line_without_stage_prints_usage(capsys):
    assert main([]) == 2
    assert "usage: doorlab STAGE" in capsys.readouterr().out


@pytest.mark.parametrize(("script", "stage"), SCRIPTS.items())
def test_scripts_run_their_stages(script, stage, tmp_path):
    path = ROOT / "scripts" / f"{script}.py"
    done = fork_server.run(fork_server.run_script, path, "--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: doorlab {stage} ")


def test_scripts_cover_every_file():
    found = {p.stem for p in (ROOT / "scripts").glob("*.py")}
    assert {
        name for name in found if not name.startswith(("make_", "compare_", "check_", "repeat_"))
    } == set(SCRIPTS)
