"""Errors of libraries while they are imported, put into words.

Libraries read environment variables then, and some raise for values that they do not know.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

from doorlab.errors import ConfigError

_PACKAGE = str(Path(__file__).resolve().parents[1])
_LONGEST = 200  # characters of a library's message


@contextlib.contextmanager
def libraries_imported() -> Iterator[None]:
    """Turns an error that a library raises while it is imported into one line for the user.

    Raises ConfigError in its place; errors that doorlab itself raises pass.
    """
    try:
        yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        if frames[-1].filename.startswith(_PACKAGE):
            raise
        message = " ".join(str(error).split())[:_LONGEST]
        raise ConfigError(
            "libraries that can be imported",
            f"{type(error).__name__} ({message})",
            "unset the environment variable that it is about, or install doorlab anew",
        ) from error
