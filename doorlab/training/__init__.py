"""The training loop: it takes a module and a task of phases, each with batches and a loss."""

from doorlab.training.config import ComputeConfig, MonitorConfig, OptimConfig, TrainConfig
from doorlab.training.launch import check_devices, launch, make_fabric
from doorlab.training.loop import FitResult, fit
from doorlab.training.metric_logger import MetricLogger
from doorlab.training.task import Phase, TrainingTask, single_phase

__all__ = [
    "ComputeConfig",
    "FitResult",
    "MetricLogger",
    "MonitorConfig",
    "OptimConfig",
    "Phase",
    "TrainConfig",
    "TrainingTask",
    "check_devices",
    "fit",
    "launch",
    "make_fabric",
    "single_phase",
]
