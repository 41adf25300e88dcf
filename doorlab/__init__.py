"""doorlab: door data, unlabelled representations and few-try door opening for robots."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from doorlab.robot import RewardPredictor

__all__ = ["RewardPredictor", "__version__"]

try:
    __version__ = version("doorlab")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    """Imports what needs torch when it is asked for: processes that simulate start fast."""
    if name == "RewardPredictor":
        return import_module("doorlab.robot").RewardPredictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
