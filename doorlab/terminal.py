"""Text for terminals: what comes from files, or from their names, may hold control characters."""

from __future__ import annotations

import sys
import unicodedata

_JOINERS = "\u200c\u200d"  # of letters in several scripts, and of emoji
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # Unicode's general categories


def printable(text: object, keep: str = "") -> str:
    r"""The text with escapes ("\x1b", "\n") for characters that a terminal obeys or can't show.

    Args:
        text: anything; `str(text)` counts.
        keep: characters that stay, such as a newline.
    """
    return "".join(c if c in keep or _is_shown(c) else _escape(c) for c in str(text))


def print_note(message: str) -> None:
    """Prints one line for the user on standard error."""
    print(f"doorlab: {printable(message)}", file=sys.stderr)


def _is_shown(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) not in _ESCAPED


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
