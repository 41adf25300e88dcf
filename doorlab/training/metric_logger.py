"""Logs of a run: averages in memory for metrics.json, and scalars for TensorBoard and others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from doorlab.run_layout import TENSORBOARD_FOLDER
from doorlab.training.curves import CurveWriter
from doorlab.training.external_logger import ExternalLogger

TENSORBOARD_FOLDER = TENSORBOARD_FOLDER


class MetricLogger:
    """Averages of scalars over steps, and validation metrics.

    Attributes:
        train: one record per `log_every` steps: {"step", "loss", ...}, means over those steps.
        validation: one record per validation.
    """

    def __init__(self, folder: Path | None, external: ExternalLogger | None = None) -> None:
        """With a folder, scalars also go to TensorBoard; without one, they stay in memory.

        Args:
            folder: run folder.
            external: further destination of the scalars.
        """
        self.train: list[dict[str, float | int]] = []
        self.validation: list[dict[str, float | int]] = []
        curves = CurveWriter(folder / TENSORBOARD_FOLDER) if folder else None
        self._writers = [writer for writer in (curves, external) if writer is not None]
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[
            str, int
        ] = {}  # counted per scalar, because not every step has every scalar

    def add(self, scalars: Mapping[str, Tensor]) -> None:
        """Adds one step, without waiting for the device."""
        for name, value in scalars.items():
            self._counts[name] = self._counts.get(name, 0) + 1
            value = value.detach().double()
            self._sums[name] = self._sums[name] + value if name in self._sums else value

    def flush(
        self, step: int, average: Callable[[Tensor], Tensor] | None = None, **more: float | int
    ) -> None:
        """Adds a record to `train`: the means since the last call.

        Args:
            step: steps done.
            average: averages a tensor over processes.
            more: further entries of the record.
        """
        names = list(self._sums)
        means = torch.stack([self._sums[name] / self._counts[name] for name in names])
        values = (average(means) if average else means).tolist()
        self._sums, self._counts = {}, {}
        self.train.append({"step": step, **dict(zip(names, values, strict=True)), **more})
        self._write("train", self.train[-1])

    def log_validation(self, step: int, figures: Mapping[str, float | int]) -> None:
        """Adds a record to `validation`, after `step` steps."""
        record = {"step": step, **figures}
        self.validation.append(record)
        self._write("validation", record)

    def measure(self, step: int, **figures: float | int) -> None:
        """Logs metrics that metrics.json omits: speeds, which differ between equal runs."""
        self._write("speed", {"step": step, **figures})

    def state(self) -> dict[str, Any]:
        """The state as plain values and tensors."""
        return {
            "train": self.train,
            "validation": self.validation,
            "sums": dict(self._sums),
            "counts": dict(self._counts),
        }

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """The inverse of `state`."""
        self.train, self.validation = list(state["train"]), list(state["validation"])
        self._sums = {name: value.to(device) for name, value in state["sums"].items()}
        self._counts = dict(state["counts"])

    def history(self) -> dict[str, list[dict[str, float | int]]]:
        """The content for metrics.json."""
        return {"train": self.train, "validation": self.validation}

    def close(self) -> None:
        """Closes the TensorBoard file and ends the run of the external logger."""
        for writer in self._writers:
            writer.close()

    def _write(self, group: str, record: Mapping[str, float | int]) -> None:
        scalars = {f"{group}/{name}": v for name, v in record.items() if name != "step"}
        for writer in self._writers:
            writer.add(int(record["step"]), scalars)
