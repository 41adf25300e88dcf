"""The documentation site: no warnings, no dead links, and the options of the parsers.

`make docs` also runs the tutorials; here they are only read.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import subprocess
import sys

import pytest
from helpers.markdown import ROOT

from doorlab import cli

pytest.importorskip("sphinx_gallery")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The result of reading all pages and resolving all references, without running tutorials."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "--builder", "dummy", "--fresh-env", "--quiet"),
            *("--fail-on-warning", "--keep-going", "--define", "plot_gallery=False"),
            *(ROOT / "docs", tmp_path_factory.mktemp("site")),
        ],
        capture_output=True,
        text=True,
    )


def test_site_has_neither_warnings_nor_dead_links(site):
    assert site.returncode == 0, site.stderr


@pytest.mark.parametrize("command", cli.STAGES)
def test_command_page_has_the_options_of_the_help(site, command):
    """The help is printed by tyro, and the page is written from the config."""
    module = importlib.import_module(cli.command_module(command))
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        cli.parse(module, command, ["--help"])
    _, _, boxes = out.getvalue().partition("╭")
    lines = re.findall(r"^│ (--[^│]*)", boxes, re.MULTILINE)
    expected = {name for line in lines for name in re.findall(r"(?<![\w-])--[a-z][\w.-]*", line)}
    page = (ROOT / f"docs/generated/commands/{command}.md").read_text()
    heads = re.findall(r"^::::\{option\} (.*)$", page, re.MULTILINE)
    found = {name for head in heads for name in re.findall(r"(?<![\w-])--[a-z][\w.-]*", head)}
    assert found == expected - {"--help"}


def test_command_page_has_the_defaults_of_every_preset(site):
    page = (ROOT / "docs/generated/commands/generate.md").read_text()
    presets = importlib.import_module(cli.command_module("generate")).PRESETS
    shown = ", ".join(f"`{config.doors}` ({name})" for name, config in presets.items())
    assert f"Default: {shown}." in page


def test_every_exported_name_has_a_page():
    """Names in `__all__` of the packages of the reference, except versions and constants."""
    listed = "".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.rst"))
    for package in ("doorlab", "doorlab.bandit", "doorlab.data", "doorlab.doors", "doorlab.sim",
                    "doorlab.training", "doorlab_envs"):  # fmt: skip
        for name in importlib.import_module(package).__all__:
            if not (name.isupper() or name.startswith("_")):
                assert f"   {package}.{name}\n" in listed, f"{package}.{name}"


def test_tutorials_have_titles_and_pictures():
    tutorials = sorted((ROOT / "docs/tutorials").glob("*.py"))
    assert len(tutorials) == 7
    for path in tutorials:
        text = path.read_text()
        title, line = text.split("\n")[1:3]
        assert line == "=" * len(title), path.name
        assert text.count("plt.show()") >= 1, path.name
