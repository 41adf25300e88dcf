"""Lengths and links of the pages, the files and modules that they name, the table of folders."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest
from helpers.markdown import BLOCK, PAGES, ROOT, inline_code, table, text_of

# Lengths, links and names


def test_pages_are_short():
    assert len(text_of("README.md").splitlines()) <= 160
    for file in PAGES:
        assert len(text_of(file).splitlines()) <= 200, file
        assert max(map(len, filter(_is_prose, text_of(file).splitlines())), default=0) <= 120, file


def _is_prose(line: str) -> bool:
    return not line.startswith(("|", "!", "doorlab ")) and "](" not in line


@pytest.mark.parametrize("file", [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(file):
    for link in re.findall(r"\]\(([^)]+)\)", text_of(file)):
        if not link.startswith("http"):
            path, _, heading = link.partition("#")
            target = (ROOT / file).parent / path if path else ROOT / file
            assert target.exists(), link
            assert not heading or heading in _headings(target.read_text()), link


def _headings(text: str) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# The README says itself what the first two of these pages say; the third is for the site.
SITE_ONLY = ("docs/index.md", "docs/installation.md", "docs/related_work.md")


def test_readme_lists_every_page():
    for file in PAGES[1:]:
        assert f"({file})" in text_of("README.md") or file in SITE_ONLY, file


def test_installation_lists_every_extra():
    listed = {name for row in table("docs/installation.md", head="extra | adds").rows
              for name in re.findall(r"`(\w+)`", row[0])}  # fmt: skip
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert listed == set(project["optional-dependencies"])


# Groups of entry points, which are no modules.
GROUPS = {
    f"doorlab.{kind}" for kind in ("models", "priors", "simulators", "policies", "model_policies")
}


def test_groups_of_entry_points_are_those_of_the_registries():
    sources = "".join(path.read_text() for path in (ROOT / "doorlab").rglob("*.py"))
    assert all(f'"{group}"' in sources for group in GROUPS)


@pytest.mark.parametrize("file", [*PAGES, "CONTRIBUTING.md"])
def test_named_files_exist(file):
    """Paths of the repository in backticks, and modules of doorlab."""
    for name in inline_code(file):
        if re.fullmatch(r"(doorlab|envs|examples|scripts|tests|assets|results)/[\w/.]*", name):
            assert (ROOT / name).exists(), name
        elif re.fullmatch(r"doorlab(_envs)?(\.\w+)+", name) and name not in GROUPS:
            _import(name)


def _import(name: str) -> None:
    """Imports a module, or an attribute of one."""
    try:
        importlib.import_module(name)
    except ImportError:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


# The folders


COMMON = {
    "errors", "limits", "intervals", "seeding", "options", "registry", "serialization", "storage",
    "provenance", "results", "result_schemas", "run_layout", "runtime", "terminal", "_version",
}  # fmt: skip


def test_folder_table_is_complete_with_true_imports():
    """Imports of packages and modules; the contracts in pyproject.toml say which are allowed."""
    listed = {}
    for folders, _, imports in table("CONTRIBUTING.md", head="folder | contents").rows:
        for folder in re.findall(r"`([^`]+)`", folders):
            assert (ROOT / folder).exists(), folder
            listed[folder] = imports
    known = {f"doorlab/{path.name}" for path in (ROOT / "doorlab").iterdir()
             if path.suffix == ".py" or (path / "__init__.py").exists()}  # fmt: skip
    known |= {"docs", "envs/doorlab_envs", "examples", "scripts", "results", "assets", "tests"}
    assert set(listed) == known - {"doorlab/__init__.py"}
    for folder, imports in listed.items():
        allowed = set() if imports == "nothing" else set(imports.split(", "))
        if imports and not imports.startswith(("any", "every")):
            found = _imports_of(ROOT / folder) - COMMON - {Path(folder).stem}
            assert found <= allowed, (folder, found - allowed)


def _imports_of(path: Path) -> set[str]:
    """Names of the modules of doorlab that a file, or the files of a folder, import."""
    files = [path] if path.suffix else list(path.rglob("*.py"))
    text = "\n".join(file.read_text() for file in files)
    return set(re.findall(r"^\s*(?:from|import) doorlab\.(\w+)", text, re.MULTILINE))
