"""Runs doorlab's computations under defined settings of torch, independent of the caller's.

Torch has settings per thread (gradients, autocast, the default device) and per process (the default
dtype, the number of threads, the random state). They belong to the program that calls doorlab: a
robot's control loop runs in inference mode, BoTorch's tutorials set float64. Every public function
that computes with torch therefore uses one of the context managers of this module. Its result does
not depend on these settings, and they are restored when it returns. Settings that affect speed stay
in force: threads, the precision of matrix products, determinism.
"""

from __future__ import annotations

import contextlib
import multiprocessing.context
import multiprocessing.process
import os
import threading
from collections.abc import Iterator

import torch
from torch import nn

_IMPORTED_BY = os.getpid()
_AUTOCAST_DEVICES = ("cpu", "cuda")


@contextlib.contextmanager
def thread_defaults() -> Iterator[None]:
    """Torch's defaults for this thread: gradients, no inference mode, no autocast, CPU.

    Does not change settings of other threads, with one exception: a forked process computes in
    one thread, because OpenMP's threads do not survive a fork and torch would wait for them
    forever. Code inside must name the dtypes of the tensors that it creates. Also a decorator.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in _AUTOCAST_DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if is_forked():
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        yield


@contextlib.contextmanager
def process_defaults() -> Iterator[None]:
    """`thread_defaults` plus float32 as default dtype, for functions that own the process.

    Restores torch's random state and number of threads, which training and evaluation change.
    Also a decorator.
    """
    threads = torch.get_num_threads()
    cards = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with thread_defaults(), float32_by_default, torch.random.fork_rng(cards):
        try:
            yield
        finally:
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)


class _Float32ByDefault(contextlib.ContextDecorator):
    """Overrides the default dtype until the last of several threads leaves the block."""

    def __init__(self) -> None:
        self._lock, self._users, self._before = threading.Lock(), 0, torch.float32

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._before = torch.get_default_dtype()
                torch.set_default_dtype(torch.float32)
            self._users += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                torch.set_default_dtype(self._before)


float32_by_default = _Float32ByDefault()
"""Float32 as the default dtype, for modules and libraries without a dtype argument.

The default dtype is shared by all threads. Use this for short blocks only, or in functions that own
the process. A context manager and a decorator.
"""


def is_forked() -> bool:
    """Whether this process was forked from another one that may have used torch."""
    forked = getattr(multiprocessing.context, "ForkProcess", ())  # not on Windows
    this = multiprocessing.process.current_process()
    return os.getpid() != _IMPORTED_BY or isinstance(this, forked)


def allow_gradients(module: nn.Module) -> None:
    """Replaces, in place, the tensors of a module that were created in inference mode.

    Torch cannot compute gradients through such tensors. Copies made in inference mode have them.
    """
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None and parameter.is_inference():
                part._parameters[name] = nn.Parameter(parameter.clone(), parameter.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None and buffer.is_inference():
                part._buffers[name] = buffer.clone()
