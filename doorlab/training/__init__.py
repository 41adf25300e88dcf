"""The one training loop: it takes a module, a loss function and a source of batches."""

from doorlab.training.config import TrainConfig
from doorlab.training.launch import check_devices, launch, make_fabric
from doorlab.training.loop import FitResult, Task, Turn, fit
from doorlab.training.metric_logger import MetricLogger

__all__ = [
    "FitResult",
    "MetricLogger",
    "Task",
    "TrainConfig",
    "Turn",
    "check_devices",
    "fit",
    "launch",
    "make_fabric",
]
