"""matplotlib, imported and used whatever the user's settings of it are.

Figures are drawn by Agg, without a display, and look the same everywhere. So neither MPLBACKEND nor
a matplotlibrc may matter, and what the calling program has set stays as it was.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from doorlab.errors import ConfigError


def _import_matplotlib() -> None:
    """Imports matplotlib. A backend of MPLBACKEND that it knows is set, any other is ignored.

    Notebooks give their commands a backend that not every matplotlib knows, which then can't be
    imported.
    """
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    except ValueError as error:  # of bytes that are not UTF-8, for example
        raise ConfigError(
            "a matplotlibrc that matplotlib can read", f"{error}", "mend that file or move it away"
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
    """Has matplotlib draw with the settings that it is delivered with."""
    with style.context("default", after_reset=True):
        yield
