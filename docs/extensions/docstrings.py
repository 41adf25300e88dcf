"""Sphinx extension: docstrings of doorlab, which use single backticks, as reStructuredText."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from sphinx.application import Sphinx

# Names without a page: those of other libraries, type variables, and internals of signatures.
_INTERNAL = (
    "models.processes.base.State",
    "training.launch.T",
    "training.task.Span",
    "options.Option",
    "data.config.DatasetConfig",
    "data.sources.importing.FootageSettings",
    "nn.whitening.Whitening",
)
nitpick_ignore_regex = [
    (r"py:.*", r"(?!doorlab).*"),
    (r"py:.*", "|".join(rf"doorlab\.{re.escape(name)}" for name in _INTERNAL)),
]

_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Legend|Example|Note)s?:")


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the extension."""
    app.connect("autodoc-process-docstring", _process, priority=100)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _process(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    if name.startswith("doorlab_envs.DoorBanditEnv") and what == "class":
        lines[:] = [lines[0], "", "The page :doc:`/generated/door_bandit` describes it."]
    text = _CODE.sub(lambda code: _role(code[1]), "\n".join(lines))
    lines[:] = _with_literal_blocks(text.split("\n"))


def _role(code: str) -> str:
    """A reference for a name with a page, otherwise code."""
    return f"``{code}``"


def _with_literal_blocks(lines: list[str]) -> list[str]:
    """Ends the line before an indented paragraph with two colons, which makes it code."""
    found = list(lines)
    for number in range(len(lines) - 2):
        line, gap, after = lines[number : number + 3]
        indented = after.startswith("    ") and not line.startswith(" ")
        if line.endswith(":") and not gap and indented and not _SECTION.match(line):
            found[number] = f"{line}:"
    return found
