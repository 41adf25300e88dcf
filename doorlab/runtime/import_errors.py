"""Converts errors that libraries raise during their import.

Libraries read environment variables on import, and some raise errors for unknown values.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

from doorlab.errors import ConfigError
from doorlab.runtime.memory_errors import lack_of_memory

_PACKAGE = str(Path(__file__).resolve().parents[1])
_LONGEST = 200  # maximum length of a library's message


@contextlib.contextmanager
def libraries_imported() -> Iterator[None]:
    """Converts an error that a library raises during its import into ConfigError, in one line.

    Does not convert errors of doorlab itself, missing modules, or lack of memory.
    """
    try:
        yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        is_known = isinstance(error, ImportError) or lack_of_memory(error) is not None
        if is_known or frames[-1].filename.startswith(_PACKAGE):
            raise
        message = " ".join(str(error).split())[:_LONGEST]
        raise ConfigError(
            "libraries that can be imported",
            f"{type(error).__name__} ({message})",
            "unset the environment variable in question, or reinstall doorlab",
        ) from error
