"""The one training loop: it takes a module, a loss function and a source of batches."""

from doorlab.training.config import TrainConfig
from doorlab.training.devices import (
    check_devices,
    launch,
    make_fabric,
    resolve_device,
    use_threads,
)
from doorlab.training.journal import Journal
from doorlab.training.loop import Outcome, Task, Turn, fit

__all__ = [
    "Journal",
    "Outcome",
    "Task",
    "TrainConfig",
    "Turn",
    "check_devices",
    "fit",
    "launch",
    "make_fabric",
    "resolve_device",
    "use_threads",
]
