"""Decimal separator of C libraries, which follow the locale of the process."""

from __future__ import annotations

import contextlib
import ctypes
import locale
import sys
from collections.abc import Iterator
from functools import cache


@contextlib.contextmanager
def decimal_points() -> Iterator[None]:
    """Makes C libraries read and write numbers with a decimal point, for any LC_NUMERIC.

    With a decimal comma, which graphical toolkits set on a German desktop, PyBullet reads "0.25" in
    a mesh as 0, and x264 writes "crf=20,0" into a video. The locale changes for this thread only;
    on Windows, for the process.
    """
    if sys.platform == "win32":
        before = locale.setlocale(locale.LC_NUMERIC)
        locale.setlocale(locale.LC_NUMERIC, "C")
        try:
            yield
        finally:
            locale.setlocale(locale.LC_NUMERIC, before)
        return
    libc = _locale_functions()
    plain = libc.newlocale(1 << locale.LC_NUMERIC, b"C", libc.duplocale(libc.uselocale(None)))
    before = libc.uselocale(plain)
    try:
        yield
    finally:
        libc.uselocale(before)
        libc.freelocale(plain)


@cache
def _locale_functions() -> ctypes.CDLL:
    libc, handle = ctypes.CDLL(None), ctypes.c_void_p
    libc.newlocale.argtypes = (ctypes.c_int, ctypes.c_char_p, handle)
    libc.duplocale.argtypes = libc.uselocale.argtypes = libc.freelocale.argtypes = (handle,)
    libc.newlocale.restype = libc.duplocale.restype = libc.uselocale.restype = handle
    libc.freelocale.restype = None
    return libc
