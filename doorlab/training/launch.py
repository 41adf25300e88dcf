"""Processes and devices, by Lightning Fabric."""

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
    """Raises ConfigError when this machine lacks the devices that a config asks for."""
    if config.devices > 1 and hasattr(sys, "ps1"):  # Fabric refuses to start processes from there
        fix = "use one device, or run this as a script"
        raise ConfigError("one device in a notebook or shell", f"{config.devices}", fix)
    device = resolve_device(config.device, "--device")
    cards = torch.cuda.device_count()
    if device == "cuda" and config.devices > cards:
        raise ConfigError(
            f"at most the {cards} devices of this machine", f"{config.devices}", "lower --devices"
        )


class Opaque:
    """Anything, kept from Fabric, which takes dataclasses apart and refuses frozen ones."""

    def __init__(self, content: Any) -> None:
        self.content = content


class _PassedOn:
    """A handler that asks the processes to stop which have been started since it was made."""

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

    With several devices, `work` and its arguments are pickled into as many new processes, which
    train in step with one another (DDP; gloo on CPUs, NCCL on GPUs). What it returns then comes
    back pickled, too: plain values, not tensors, which would die with their process.

    Signals that ask to stop are passed on to these processes, whose training loops end their step.

    Raises ConfigError for devices that are not there, TrainingError when one of several processes
    fails, KeyboardInterrupt when a signal ends one, and whatever `work` raises when it is alone.
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
            "mend the cause and go on with --resume",
        ) from None


@launchers_ignored()
def make_fabric(accelerator: str, devices: int = 1, precision: str = "32-true") -> Fabric:
    """A Fabric that starts its processes itself: inside of a job of SLURM or MPI, too."""
    # Tasks may train a part of their model in some steps.
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
