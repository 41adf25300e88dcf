"""Command lines and options of the pages, against the parsers of the commands."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import importlib.util
import inspect
import io
import re
import shlex

import pytest
import tyro
from helpers.markdown import PAGES, ROOT, blocks, inline_code, text_of

from doorlab import cli

# Command lines


def commands(file: str) -> list[list[str]]:
    """The arguments of every command line in blocks of shell, and of `doorlab ...` in prose."""
    lines = [line for code in blocks(file, "sh") for line in code.replace("\\\n", " ").split("\n")]
    lines += [code for code in inline_code(file) if re.match(r"doorlab [a-z]+( |$)", code)]
    lines += [code for code in inline_code(file) if code.startswith(("make ", "python ", "pip "))]
    return [args for args in (shlex.split(line, comments=True) for line in lines) if args]


@pytest.mark.parametrize("file", [*PAGES, "CONTRIBUTING.md"])
def test_command_lines_are_understood(file):
    for args in commands(file):
        while "=" in args[0]:  # variables of the environment
            args = args[1:]
        _understand(args)


@pytest.mark.parametrize(
    "file", [f"examples/{path.name}" for path in sorted((ROOT / "examples").glob("*.py"))]
)
def test_command_lines_of_examples_are_understood(file):
    text = ast.get_docstring(ast.parse(text_of(file))).replace("\\\n", " ")
    lines = [line for line in text.split("\n") if re.match(r" +(doorlab|python) ", line)]
    assert lines
    for line in lines:
        _understand(shlex.split(line))


def _understand(args: list[str]) -> None:
    program, *rest = args
    if program == "doorlab" and rest[0] != "STAGE":
        _parse_stage(rest)
    elif program == "make":
        targets = re.findall(r"^(\w+):", text_of("Makefile"), re.MULTILINE)
        assert {arg for arg in rest if "=" not in arg} <= set(targets), args
    elif program.endswith("python"):
        _understand_python(rest)
    elif program == "pip":
        extras = re.findall(r"\[(\w+)\]", " ".join(rest))
        optional = text_of("pyproject.toml").partition("[project.optional-dependencies]")[2]
        assert all(f"\n{extra} = [" in optional for extra in extras), args
    else:
        assert program in ("cd", "ray", "doorlab"), args


def _parse_stage(args: list[str]) -> None:
    stage, *options = args
    assert stage in cli.STAGES, args
    if options and not all(map(str.isupper, options)):
        module = importlib.import_module(cli.command_module(stage))
        needed = ["SOME_PATH"] if stage in ("info", "import", "export") else []
        named = [arg for arg in options if not arg.startswith("-")]
        with contextlib.redirect_stdout(io.StringIO()):
            cli.parse(module, stage, options if named else [*needed, *options])


def _understand_python(args: list[str]) -> None:
    if args[0] == "-m":
        assert importlib.util.find_spec(args[1]), args
    else:
        script = ROOT / args[0]
        assert script.exists(), args
        stage = re.search(r'run_stage\("(\w+)"\)', script.read_text())
        if stage:
            _parse_stage([stage[1], *args[1:]])
        elif args[0].startswith("examples/"):
            spec = importlib.util.spec_from_file_location(script.stem, script)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            tyro.cli(_without_effect(module.main), args=args[1:])


def _without_effect(main):
    """A function with the same options that does nothing."""

    @functools.wraps(main)
    def do_nothing(*args, **kwargs):
        return None

    do_nothing.__signature__ = inspect.signature(main, eval_str=True)
    return do_nothing


@pytest.fixture(scope="module")
def known_options():
    """The options of all stages, and of the examples."""
    found = set()
    for stage in cli.STAGES:
        module = importlib.import_module(cli.command_module(stage))
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
            cli.parse(module, stage, ["--help"])
        found |= set(re.findall(r"--[a-z][\w.\-]*[\w]", out.getvalue()))
    return found | {"--editable", "--state"}


@pytest.mark.parametrize("file", PAGES)
def test_named_options_exist(file, known_options):
    for code in inline_code(file):
        if code.startswith("--"):
            option = re.split(r"[ =]", code)[0]
            assert option in known_options, code
