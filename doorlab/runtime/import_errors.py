"""Errors of libraries while they are imported, put into words.

Libraries read environment variables then, and some raise for values that they do not know.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

from doorlab.errors import ConfigError
from doorlab.runtime.memory_errors import lack_of_memory

_PACKAGE = str(Path(__file__).resolve().parents[1])
_LONGEST = 200  # characters of a library's message


@contextlib.contextmanager
def libraries_imported() -> Iterator[None]:
    """Turns an error that a library raises while it is imported into one line for the user.

    Raises ConfigError in its place. Errors that doorlab itself raises pass, and so do those of
    modules that are not there and of memory that does not suffice.
    """
    try:
        yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        told = isinstance(error, ImportError) or lack_of_memory(error) is not None
        if told or frames[-1].filename.startswith(_PACKAGE):
            raise
        message = " ".join(str(error).split())[:_LONGEST]
        raise ConfigError(
            "libraries that can be imported",
            f"{type(error).__name__} ({message})",
            "unset the environment variable that it is about, or install doorlab anew",
        ) from error
