"""Sphinx extension: writes the pages that are made of other texts, before the pages are read.

The pages are those of the commands, of the Gymnasium environment, and of the Markdown files of the
repository. They lie in docs/generated, which is not under version control.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import command_pages
import environment_page
import repository_pages
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the extension."""
    app.connect("builder-inited", _write_pages)
    app.connect("source-read", _redirect_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write_pages(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "generated"
    pages = {
        **command_pages.pages(),
        **environment_page.pages(),
        **repository_pages.pages(Path(app.srcdir).parent),
    }
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # else it is read again
            path.write_text(text, encoding="utf-8")


def _redirect_links(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = repository_pages.redirected(source[0])
