"""doorlab: simulated doors, embeddings of doors, and door opening in few interactions."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from doorlab._version import __version__

if TYPE_CHECKING:
    from doorlab.models.hub.pretrained import encoder_from_pretrained
    from doorlab.robot import RewardPredictor

__all__ = ["RewardPredictor", "__version__", "encoder_from_pretrained"]

_MODULES = {
    "RewardPredictor": "doorlab.robot",
    "encoder_from_pretrained": "doorlab.models.hub.pretrained",
}


def __getattr__(name: str) -> Any:
    """Imports names that need torch on first access, so that simulation processes start fast."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
