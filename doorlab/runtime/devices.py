"""Torch's devices and number of threads."""

from __future__ import annotations

import torch

from doorlab.errors import ConfigError
from doorlab.runtime.torch_state import is_forked


def resolve_device(name: str, option: str = "--device") -> str:
    """Resolves a device name; auto is cuda if available, otherwise cpu.

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


def reserved_gpus(device: str, worker_gpus: float, launcher: str) -> float:
    """The number of GPUs that each worker of a launcher reserves: `worker_gpus`, or 0 for a CPU.

    Raises ConfigError for a device that this machine does not have, and for a numbered GPU with
    a launcher that assigns GPUs to its workers.
    """
    resolved = resolve_device(device)
    if launcher != "local" and ":" in resolved:
        raise ConfigError(
            f"--device auto, cpu or cuda with --launcher {launcher}, which assigns the GPUs",
            resolved,
            "use --device cuda",
        )
    return worker_gpus if resolved.startswith("cuda") else 0.0


def set_num_threads(threads: int) -> None:
    """Sets torch's number of threads; 0 keeps torch's default. ConfigError for negative numbers.

    A forked process keeps one thread (see `doorlab.runtime.torch_state`).
    """
    if threads < 0:
        raise ConfigError("--threads of at least 0", f"{threads}", "correct --threads")
    if threads and not is_forked():
        torch.set_num_threads(threads)
