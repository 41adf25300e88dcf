"""Options made from the fields of a config."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from tyro.conf import Positional

from doorlab.cli import STAGES, command_module, parse
from doorlab.errors import ConfigError
from doorlab.options import Option, changed_options, parse_options, reflowed
from doorlab.serialization import to_json


@dataclass(frozen=True)
class Sizes:
    """Not shown."""

    layers: tuple[int, ...] = (3, 4)
    """Numbers of layers, which are
    as many as there are."""


@dataclass(frozen=True)
class Base:
    learning_rate: float = 0.1
    """Highest rate."""
    seed: int = 0
    """Seed of all chance."""


@dataclass(frozen=True)
class Config(Base):
    """A stage."""

    sizes: Sizes = field(default_factory=Sizes)
    """Sizes of everything."""
    out: Path = Path("runs/x")
    """Folder of the run."""
    data: Path | None = None
    """Dataset."""
    model: Annotated[str, Option(choices=("np", "vae"))] = "np"
    """Model."""
    runs: Annotated[tuple[Path, ...], Option(aliases=("--run",))] = ()
    """Folders."""
    mix: Literal["some", "all"] = "some"
    """How much."""
    pair: tuple[float, float] = (0.0, 1.0)
    """Two numbers."""
    fast: bool = False
    """Whether to hurry."""


@dataclass(frozen=True)
class Required:
    source: Positional[Path]
    """Folder."""


def run(*args, config=Config, default=None):
    return parse_options(config, default, prog="doorlab x", description="Words.", args=args)


def help_of(capsys, *args, **options):
    with pytest.raises(SystemExit):
        run(*args, "--help", **options)
    return capsys.readouterr().out


def test_parse_options_reads_values_of_every_type():
    assert run() == Config()
    args = "--model vae --runs a b --mix all --pair 2 -3e1 --fast --data d --seed -4 --out o"
    expected = Config(
        seed=-4, model="vae", runs=(Path("a"), Path("b")), mix="all", pair=(2.0, -30.0), fast=True,
        data=Path("d"), out=Path("o"), learning_rate=0.5, sizes=Sizes(()),
    )  # fmt: skip
    assert run(*args.split(), "--learning-rate", "0.5", "--sizes.layers") == expected
    assert run("--run", "a", "--sizes.layers", "1", "2") == Config(
        runs=(Path("a"),), sizes=Sizes((1, 2))
    )
    assert run("--data", "None", "--no-fast") == Config()
    assert run("here", config=Required) == Required(Path("here"))


def test_parse_options_keeps_defaults_of_missing_options():
    default = Config(seed=7, data=Path("d"), sizes=Sizes((9,)), learning_rate=3.0)
    assert run("--model", "vae", default=default) == Config(
        seed=7, data=Path("d"), sizes=Sizes((9,)), learning_rate=3.0, model="vae"
    )


def test_help_starts_with_main_options_and_groups_the_rest(capsys):
    shown = help_of(capsys)
    order = ["--model", "--runs", "--data", "--out", "--learning-rate", "--seed", "--fast"]
    order += ["sizes options", "Sizes of everything.", "--sizes.layers"]
    places = [shown.index(word) for word in order]
    assert places == sorted(places)
    assert "Not shown" not in shown


def test_help_shows_choices_and_joins_lines(capsys):
    shown = help_of(capsys)
    assert "--model {np,vae}" in shown
    assert "--mix {some,all}" in shown
    assert "--data PATH" in shown
    assert "default: None" not in shown
    flat = " ".join(re.sub(r"[│╭╮╰╯─]", " ", shown).split())
    assert "Numbers of layers, which are as many as there are. (default: 3 4)" in flat


def test_parse_options_accepts_choices(capsys):
    with pytest.raises(SystemExit):
        parse_options(
            Base, None, prog="x", description="", args=["-h"], choices={"seed": ("1", "2")}
        )
    assert "--seed {1,2}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--seed abc", "Expected --seed as a whole number, but got 'abc'. Correct --seed"),
        ("--seed 1.5", "Expected --seed as a whole number, but got '1.5'"),
        ("--learning-rate x", "Expected --learning-rate as a number, but got 'x'"),
        ("--sizes.layers 1 x", "Expected --sizes.layers as a whole number, but got 'x'"),
        ("--mix none", "Expected a value of --mix out of all, some, but got 'none'"),
        ("--lr 3", "got --lr. Did you mean --learning-rate?"),
        ("--sead=3", "got --sead. Did you mean --seed?"),
        ("--zzz", "got --zzz. See `doorlab x --help`"),
        ("there", "Expected options of `doorlab x`, but got there. See"),
        ("--seed", "Expected a value for --seed, but got none. See `doorlab x --help`"),
        ("--pair 1", "Expected 2 values for --pair, but got fewer"),
        ("--pair 1 2 3", "Expected options of `doorlab x`, but got 3. See"),
    ],
)
def test_parse_options_reports_invalid_value_in_one_line(args, message, capsys):
    with pytest.raises(ConfigError) as error:
        run(*args.split())
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert capsys.readouterr() == ("", "")


def test_parse_options_reports_missing_positional_in_one_line():
    with pytest.raises(ConfigError, match="Expected a value for PATH, but got none"):
        run(config=Required)


def test_reflowed_joins_paragraphs_and_keeps_lists_and_tables():
    text = """First line,
    second line.

    - one
      goes on
    - two

        doorlab x    does it
        doorlab yy   too
    """
    expected = "First line, second line.\n\n- one goes on\n- two\n\n"
    assert reflowed(text) == f"{expected}    doorlab x    does it\n    doorlab yy   too"


@pytest.mark.parametrize(
    "name", [name for name in STAGES if name not in ("info", "export", "import")]
)
def test_parse_without_arguments_gives_stage_defaults(name):
    stage = importlib.import_module(command_module(name))
    presets = getattr(stage, "PRESETS", None)
    assert parse(stage, name, []) == (next(iter(presets.values())) if presets else stage.Config())


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--steps", "7", "--no-keep-best", "--optim.lr", "0.01", "--process.context", "3"],
        ["--architecture.encoder-channels", "4", "8", "--no-mirror", "--num-labeled", "5"],
    ],
)
def test_changed_options_restore_config(words):
    """Parsing the words gives the config again."""
    stage = importlib.import_module(command_module("train"))
    config = parse(stage, "train", words)
    found = changed_options(to_json(config), to_json(stage.PRESETS["tiny"]))
    assert sorted(found) == sorted(words)
    assert parse(stage, "train", found) == config
