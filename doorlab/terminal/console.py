"""rich's console for plain text, such as file names, without interpretation of markup."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from doorlab.terminal.text import NoticeStream, printable


class PlainConsole(Console):
    """A console that prints strings, also in tables, without markup, emoji or control codes."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        if stderr and sys.stderr is not None:
            options = {"file": NoticeStream(), **options}
        super().__init__(stderr=stderr, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Renders the text with rich, with control characters escaped except newlines."""
        return super().render_str(printable(text, keep="\n"), **options)
