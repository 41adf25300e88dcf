"""Text for terminals: escapes control characters in file names, and silences C libraries."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any, TextIO, cast

_JOINERS = "\u200c\u200d"  # join letters in several scripts, and emoji
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # Unicode's general categories


def printable(text: object, keep: str = "") -> str:
    r"""Escapes characters that control the terminal or cannot be displayed ("\x1b", "\n").

    Args:
        text: any object; its `str` is used.
        keep: characters that are not escaped, such as a newline.
    """
    return "".join(c if c in keep or _is_shown(c) else _escape(c) for c in str(text))


class NoticeStream:
    """Standard error for notices: errors while writing are ignored.

    A full disk or a closed terminal should not end a run.
    """

    def write(self, text: str) -> int:
        """Writes the text if possible."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: the stream was closed
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes the stream if possible."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


def print_line(text: str) -> None:
    """Prints one line of a result on standard output."""
    print(printable(text))


def print_note(message: str) -> None:
    """Prints one line for the user on standard error, if possible."""
    if sys.stderr is not None:
        print(f"doorlab: {printable(message)}", file=cast(TextIO, NoticeStream()))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences standard output and error at the level of C, for the messages of C libraries.

    A descriptor that the process has closed stays closed.
    """
    libc = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
    flush = libc.fflush  # C's buffers must be flushed before and after the silence
    flush(None)
    null = os.open(os.devnull, os.O_WRONLY)  # before the copies, which could take a closed 1 or 2
    saved = _copies((1, 2))
    try:
        for fd in saved:
            os.dup2(null, fd)
        yield
    finally:
        flush(None)
        for fd, copy in saved.items():
            os.dup2(copy, fd)
            os.close(copy)
        os.close(null)


def _copies(descriptors: tuple[int, ...]) -> dict[int, int]:
    """Duplicates the descriptors that are open."""
    copies = {}
    for fd in descriptors:
        with contextlib.suppress(OSError):
            copies[fd] = os.dup(fd)
    return copies


def _is_shown(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) not in _ESCAPED


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
