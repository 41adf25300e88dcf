"""Sphinx extension: the Google-style docstrings of doorlab as reStructuredText.

It takes the place of sphinx.ext.napoleon, whose parser it uses: that one reads "kind: text" in the
docstring of an attribute as a type, and single backticks as references.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import GoogleDocstring

# Names without a page: those of other libraries, type variables, and internals of signatures.
_INTERNAL = (
    "models.processes.base.State",
    "training.launch.T",
    "training.task.Span",
    "options.Option",
    "limits.Limits",
    "data.config.DatasetConfig",
    "data.sources.importing.FootageSettings",
    "nn.whitening.Whitening",
)
nitpick_ignore_regex = [
    (r"py:.*", r"(?!doorlab).*"),
    (r"py:.*", "|".join(rf"doorlab\.{re.escape(name)}" for name in _INTERNAL)),
]

_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Example|Note)s?:")
_LISTED = re.compile(r"^   (doorlab[\w.]+)$", re.MULTILINE)
_NAPOLEON: Any = Config(napoleon_use_rtype=False)


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the extension."""
    reference = sorted((Path(app.srcdir) / "reference").glob("*.rst"))
    known = {name for page in reference for name in _LISTED.findall(page.read_text("utf-8"))}

    def process(
        app: Sphinx, what: Any, name: str, obj: Any, options: Any, lines: list[str]
    ) -> None:
        if what == "class" and name == "doorlab_envs.DoorBanditEnv":  # its docstring is a page
            lines[:] = [lines[0], "", ":doc:`/generated/door_bandit` describes it."]
            return
        text = _CODE.sub(lambda code: _reference(code[1], known), "\n".join(lines))
        lines[:] = _with_literal_blocks(text.split("\n"))
        if what not in ("attribute", "data", "property"):
            lines[:] = GoogleDocstring(lines, _NAPOLEON, app, what, name, obj, options).lines()

    app.connect("autodoc-process-docstring", process)
    app.connect("doctree-resolved", _dashes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _dashes(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Draws the dash between an argument and its description."""
    for text in list(doctree.findall(nodes.Text)):
        if text.astext() == " -- ":
            text.parent.replace(text, nodes.Text(" – "))  # noqa: RUF001


def _reference(code: str, known: set[str]) -> str:
    """A link to a name that has a page, otherwise code."""
    return f":py:obj:`{code}`" if code in known else f"``{code}``"


def _with_literal_blocks(lines: list[str]) -> list[str]:
    """Ends the line before an indented paragraph with two colons, which makes it code."""
    found = list(lines)
    for number in range(len(lines) - 2):
        line, gap, after = lines[number : number + 3]
        indented = after.startswith("    ") and not line.startswith(" ")
        if line and not gap and indented and not _SECTION.match(line):
            found[number] = f"{line}:" if line.endswith(":") else f"{line}\n\n::"
    return "\n".join(found).split("\n")
