"""rich's console for text that is no markup: names of files, and strings in them, among it."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from doorlab.terminal.text import NoticeStream, printable


class PlainConsole(Console):
    """A console that takes strings, in tables too, as text: no markup, emoji or control codes."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        if stderr and sys.stderr is not None:
            options = {"file": NoticeStream(), **options}
        super().__init__(stderr=stderr, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """The text as rich shows it, with escapes for control characters but newlines."""
        return super().render_str(printable(text, keep="\n"), **options)
