"""The documentation site: no warnings, no dead links, and the options of the parsers.

`make docs` also runs the tutorials; here they are only read.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import re
import subprocess
import sys

import pytest
from helpers.markdown import ROOT

from doorlab import cli


def test_site_has_neither_warnings_nor_dead_links(tmp_path):
    """Reads all pages and resolves all references, without writing HTML."""
    pytest.importorskip("sphinx_gallery")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "--builder", "dummy", "--fresh-env", "--quiet"),
            *("--fail-on-warning", "--keep-going", "--tag", "no_tutorials"),
            *(ROOT / "docs", tmp_path),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def command_pages():
    """The text of every page of the command line."""
    path = ROOT / "docs/extensions/command_pages.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


# With presets and groups of options; with arguments without names; with switches only.
@pytest.mark.parametrize("command", ["train", "plot", "info"])
def test_command_page_has_the_options_of_the_help(command_pages, command):
    """tyro prints the help, and the page is written from the config."""
    module = importlib.import_module(cli.command_module(command))
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        cli.parse(module, command, ["--help"])
    lines = re.findall(r"^(?:│ |  )(--.*)", out.getvalue(), re.MULTILINE)  # boxes need UTF-8
    expected = {name for line in lines for name in _options(line)}
    heads = re.findall(r"^::::\{option\} (.*)$", command_pages[f"commands/{command}.md"], re.M)
    assert {name for head in heads for name in _options(head)} == expected


def _options(text: str) -> list[str]:
    return re.findall(r"(?<![\w-])--[a-z](?:[\w.-]*\w)?", text)


def test_command_page_has_the_defaults_of_every_preset(command_pages):
    presets = importlib.import_module(cli.command_module("generate")).PRESETS
    shown = ", ".join(f"`{config.doors}` ({name})" for name, config in presets.items())
    assert f"Default: {shown}." in command_pages["commands/generate.md"]


def test_every_command_has_a_page(command_pages):
    assert set(command_pages) == {f"commands/{name}.md" for name in (*cli.STAGES, "index")}


PUBLIC = ("doorlab", "doorlab.bandit", "doorlab.data", "doorlab.doors", "doorlab.sim",
          "doorlab.training", "doorlab_envs")  # fmt: skip


@pytest.mark.parametrize("package", PUBLIC)
def test_every_exported_name_has_a_page(package):
    """Names in `__all__`, except constants and the version."""
    listed = "".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.rst"))
    for name in importlib.import_module(package).__all__:
        assert name.isupper() or name.startswith("_") or f"   {package}.{name}\n" in listed, name


@pytest.mark.parametrize(
    "tutorial", sorted((ROOT / "docs/tutorials").glob("*.py")), ids=lambda path: path.stem
)
def test_command_lines_of_tutorials_are_understood(tutorial):
    """Parses them without running them."""
    text = re.sub(r'"\n\s*"', "", tutorial.read_text())
    lines = re.findall(r'split\(\s*"([^"]*)"', text)
    lines += [f"{line} --out x" for line in re.findall(r'^command = "(.*)"$', text, re.MULTILINE)]
    assert lines or "PPO" in text or "RewardPredictor.load" in text
    for stage, *options in map(str.split, lines):
        cli.parse(importlib.import_module(cli.command_module(stage)), stage, options)
