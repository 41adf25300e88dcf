"""doorlab: door data, unlabelled representations and few-try door opening for robots."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from doorlab._version import __version__

if TYPE_CHECKING:
    from doorlab.robot import RewardPredictor

__all__ = ["RewardPredictor", "__version__"]


def __getattr__(name: str) -> Any:
    """Imports what needs torch when it is asked for: processes that simulate start fast."""
    if name == "RewardPredictor":
        return import_module("doorlab.robot").RewardPredictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
