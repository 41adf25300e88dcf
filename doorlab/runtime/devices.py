"""Devices and threads that torch computes with."""

from __future__ import annotations

import torch

from doorlab.errors import ConfigError
from doorlab.runtime.torch_state import is_forked


def resolve_device(name: str, option: str = "--device") -> str:
    """Where to compute: the device of that name; for auto, cuda where there is one, else cpu.

    Raises ConfigError for a device that this machine does not have.
    """
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    known = ["cpu", *(["cuda"] if cards else []), *(f"cuda:{i}" for i in range(cards))]
    if name == "auto":
        return "cuda" if cards else "cpu"
    if name not in known:
        raise ConfigError(
            f"{option} auto or one of {', '.join(known)} on this machine", name, "choose one"
        )
    return name


def set_num_threads(threads: int) -> None:
    """Has torch compute with so many threads; 0 leaves its own choice. ConfigError below that.

    A forked process keeps to one thread (see `doorlab.runtime.torch_state`).
    """
    if threads < 0:
        raise ConfigError("--threads of at least 0", f"{threads}", "correct --threads")
    if threads and not is_forked():
        torch.set_num_threads(threads)
