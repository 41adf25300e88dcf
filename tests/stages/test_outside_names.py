"""All stages with invalid priors, simulators and policies from outside doorlab: one line each."""

import sys

import pytest

from doorlab.cli import main
from doorlab.data import GenerationConfig, write_dataset

SMALL = ["--doors", "2", "--image-size", "16", "--test-fraction", "0", "--validation-fraction", "0"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with modules and files of priors."""
    files = {
        "barn.py": "NUMBER = 3\ndef policy(doors, exploration):\n    return NUMBER\n",
        "barn_broken.py": "1 / 0\n",
        "broken.json": "{",
        "slip.json": '{"mas": [28, 30]}',
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("barn", "barn_broken"):
        sys.modules.pop(name, None)


@pytest.fixture
def data(folder):
    """A dataset of the simulator torch."""
    config = GenerationConfig(
        doors=4, frames=1, interactions=1, image_size=16, test_fraction=0.5,
        validation_fraction=0.0, simulator="torch", videos=0,
    )  # fmt: skip
    write_dataset(folder / "data", config)
    return folder / "data"


def assert_refused(capsys, words, *args):
    assert main(list(args)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


@pytest.mark.parametrize("command", ["generate", "pretrain"])
@pytest.mark.parametrize(
    ("prior", "words"),
    [
        ("farm:PRIOR", "a module farm for the prior farm:PRIOR, but got none"),
        ("barn:PRIOR", "PRIOR in the module barn for the prior barn:PRIOR, but got none"),
        ("barn:NUMBER", "a DoorPrior (of no derived class) as the prior barn:NUMBER"),
        ("barn_broken:PRIOR", "ZeroDivisionError (division by zero) in barn_broken.py, line 1"),
        ("broken.json", "JSON in broken.json"),
        ("slip.json", "Did you mean 'mass'?"),
        ("none.json", "a file none.json, but got none"),
    ],
)
def test_commands_reject_invalid_prior_in_one_line(folder, capsys, command, prior, words):
    others = {"generate": SMALL, "pretrain": ["--online", "--model", "vae"]}[command]
    assert_refused(capsys, words, command, "--prior", prior, *others, "--out", "out")
    assert not (folder / "out/dataset.json").exists()


@pytest.mark.parametrize(
    ("simulator", "words"),
    [
        ("farm:X", "a module farm for the simulator farm:X, but got none"),
        ("barn:X", "X in the module barn for the simulator barn:X, but got none"),
        ("barn:NUMBER", "a callable without arguments that returns a Simulator"),
        ("barn_broken:X", "ZeroDivisionError"),
    ],
)
def test_commands_reject_invalid_simulator_in_one_line(folder, capsys, simulator, words):
    assert_refused(capsys, words, "generate", "--simulator", simulator, *SMALL, "--out", "out")
    assert_refused(capsys, words, "demo", "--simulator", simulator, "--out", "demo")
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("farm:X", "a module farm for the policy farm:X, but got none"),
        ("barn:X", "X in the module barn for the policy barn:X, but got none"),
        ("barn:NUMBER", "a callable (doors, exploration) that returns a Policy"),
        ("barn:policy", "a Policy with begin and act from barn:policy"),
        ("barn_broken:X", "ZeroDivisionError"),
    ],
)
def test_bandit_command_rejects_invalid_policy_in_one_line(data, capsys, policy, words):
    args = ["--data", str(data), "--doors", "2", "--workers", "1", "--out", "out"]
    assert_refused(capsys, words, "bandit", *args, "--policies", policy)
