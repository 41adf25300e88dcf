"""Import and use of matplotlib, independent of the user's settings.

Figures are drawn by the backend Agg, without a display, and look the same on every machine. They do
not depend on MPLBACKEND or a matplotlibrc, and do not change the settings of the calling program.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from doorlab.errors import ConfigError


def _import_matplotlib() -> None:
    """Imports matplotlib; ignores an unknown backend in MPLBACKEND.

    Notebooks set MPLBACKEND to a backend that some versions of matplotlib do not know. The import
    of matplotlib would then fail.

    Raises ConfigError if matplotlib can't read its matplotlibrc.
    """
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    except ValueError as error:  # for example, bytes that are not UTF-8
        raise ConfigError(
            "a matplotlibrc that matplotlib can read", f"{error}", "correct or remove that file"
        ) from None
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend


_import_matplotlib()

from matplotlib import style  # noqa: E402


@contextlib.contextmanager
def default_settings() -> Iterator[None]:
    """Context in which matplotlib uses its default settings."""
    with style.context("default", after_reset=True):
        yield
