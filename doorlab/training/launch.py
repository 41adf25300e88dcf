"""Processes and devices of a training run, with Lightning Fabric."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, TypeVar, cast

import torch
from torch.multiprocessing.spawn import ProcessException, ProcessExitedException

from doorlab.errors import ConfigError, TrainingError
from doorlab.parallel.worker_processes import end_if_unguarded, never_began, starting
from doorlab.runtime.devices import resolve_device, set_num_threads
from doorlab.runtime.signals import stops_handled
from doorlab.runtime.torch_state import process_defaults
from doorlab.training.config import ComputeConfig
from doorlab.training.fabric import (
    DDPStrategy,
    Fabric,
    LightningEnvironment,
    launchers_ignored,
)

T = TypeVar("T")


def check_devices(config: ComputeConfig) -> None:
    """Raises ConfigError if this machine lacks the devices of a config."""
    if config.devices > 1 and hasattr(sys, "ps1"):  # Fabric refuses interactive sessions
        fix = "use one device, or run this as a script"
        raise ConfigError("one device in a notebook or shell", f"{config.devices}", fix)
    device = resolve_device(config.device, "--device")
    cards = torch.cuda.device_count()
    if device == "cuda" and config.devices > cards:
        raise ConfigError(
            f"at most the {cards} devices of this machine", f"{config.devices}", "lower --devices"
        )


class Opaque:
    """Wraps a value to hide it from Fabric, which unpacks dataclasses and fails on frozen ones."""

    def __init__(self, content: Any) -> None:
        self.content = content


class _PassedOn:
    """A handler that passes stop signals to the processes started after its creation."""

    def __init__(self) -> None:
        self.requested = False
        self._others = set(multiprocessing.active_children())

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        for process in set(multiprocessing.active_children()) - self._others:
            process.terminate()


@launchers_ignored()
def launch(work: Callable[..., T], config: ComputeConfig, *args: Any) -> T:
    """Runs `work(fabric, *args)` on every device; returns what the first process returned.

    With several devices, `work` and its arguments are pickled to one new process per device, which
    train synchronously (DDP; gloo on CPUs, NCCL on GPUs). The result is then pickled, too: it must
    contain plain values and no tensors, because their memory ends with the process.

    Stop signals are passed on to these processes, whose training loops finish the current step.

    Raises ConfigError for missing devices, TrainingError if one of several processes fails,
    KeyboardInterrupt if a signal ends one, and the errors of `work` for a single device.
    """
    end_if_unguarded()
    check_devices(config)
    device = resolve_device(config.device, "--device")
    fabric = make_fabric(device, config.devices, config.precision)
    in_process = partial(_in_process, work, args, config.threads)
    if config.devices == 1:
        return fabric.launch(in_process).content
    stop = _PassedOn()
    try:
        with stops_handled(stop), starting("--devices"):
            return fabric.launch(in_process).content
    except ProcessException as error:
        if stop.requested:
            raise KeyboardInterrupt("interrupted. The last checkpoint is kept") from None
        if isinstance(error, ProcessExitedException) and error.signal_name is None:
            raise never_began("--devices") from None
        raise TrainingError(
            f"all {config.devices} processes to end well",
            str(error).strip().splitlines()[-1],
            "fix the cause and continue with --resume",
        ) from None


@launchers_ignored()
def make_fabric(accelerator: str, devices: int = 1, precision: str = "32-true") -> Fabric:
    """A Fabric that starts its own processes, also inside a SLURM or MPI job."""
    # A phase may train only a part of the model.
    spawn = DDPStrategy(start_method="spawn", find_unused_parameters=True)
    return Fabric(
        accelerator=accelerator,
        devices=devices,
        strategy=spawn if devices > 1 else "auto",
        precision=cast(Any, precision),
        plugins=LightningEnvironment(),
    )


@process_defaults()
def _in_process(
    work: Callable[..., Any], args: tuple[Any, ...], threads: int, fabric: Fabric
) -> Opaque:
    set_num_threads(threads)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*did not find any unused parameters")
        return Opaque(work(fabric, *args))
