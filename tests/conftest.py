"""Signals have their usual handlers, also where the tests are started in the background.

Torch's global random numbers are the same in every test, whatever ran before in its process.
"""

import importlib.util
import signal
import sys

import pytest

pytest_plugins = ["helpers.pixels", "helpers.recorded_doors"]
# `make torchless` has no torch.
if importlib.util.find_spec("torch") is not None:
    pytest_plugins += ["helpers.painted_run", "helpers.report_run"]


def pytest_configure() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
