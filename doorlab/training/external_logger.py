"""Scalars of a run for Weights & Biases or trackio, in addition to TensorBoard.

trackio has the interface of wandb, so that one adapter serves both libraries. Both are optional
(extras `wandb` and `trackio`). Their failures log a warning and never end a training run.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from doorlab.errors import ConfigError, ResultError, unknown_name
from doorlab.run_layout import LOGGER_FILE
from doorlab.storage.files import atomic_write_json, read_json
from doorlab.storage.json_schema import misfit

LOGGERS = ("tensorboard", "wandb", "trackio")  # names of --logger
_SCHEMA = {"logger": str, "project": str, "run_id": str}
_log = logging.getLogger(__name__)


def check_logger(name: str) -> None:
    """Raises ConfigError if a logger is unknown, or if its library is not installed."""
    if name not in LOGGERS:
        raise unknown_name("logger", name, LOGGERS)
    if name == "tensorboard":
        return
    spec = importlib.util.find_spec(name)
    # wandb writes into folders with its own name: a folder without __init__.py has no origin.
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"the library {name} for --logger {name}",
            "none in this Python environment",
            f"run `pip install 'doorlab[{name}]'`, or leave out --logger",
        )


class ExternalLogger:
    """A run of wandb or trackio, started with the first scalars.

    The id of the run is stored in OUT/logger.json. A resumed training run continues the run with
    this id.

    Args:
        name: name of the library, wandb or trackio.
        project: project of the library to which the run belongs.
        folder: run folder.
        settings: plain values that the library shows as the config of the run.
    """

    def __init__(
        self, name: str, project: str, folder: Path, settings: Mapping[str, Any] | None = None
    ) -> None:
        self._name, self._project, self._folder = name, project, folder
        self._settings = dict(settings or {})
        self._library: Any = None
        self._has_failed = False

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Sends scalars of a step. The first failure logs a warning and disables the logger."""
        if self._has_failed:
            return
        try:
            if self._library is None:
                self._library = self._started()
            self._library.log(dict(scalars), step=step)
        except Exception as error:  # the library and its network can fail in any way
            self._fail(error)

    def close(self) -> None:
        """Ends the run; the library sends what it has not sent yet."""
        library, self._library = self._library, None
        if library is None or self._has_failed:
            return
        try:
            library.finish()
        except Exception as error:  # as in `add`
            self._fail(error)

    def _started(self) -> Any:
        """The library, after the start of the run."""
        library = importlib.import_module(self._name)
        run_id = self._run_id()
        label = f"{self._folder.resolve().name}-{run_id}"
        # A run of trackio is identified by its name.
        identity = {"id": run_id, "dir": str(self._folder)} if self._name == "wandb" else {}
        library.init(
            project=self._project, name=label, config=self._settings, resume="allow", **identity
        )
        return library

    def _run_id(self) -> str:
        """The id in OUT/logger.json if the file is of the same project; otherwise a new id."""
        path = self._folder / LOGGER_FILE
        wanted = {"logger": self._name, "project": self._project}
        try:
            stored = read_json(path, ResultError)
            if not misfit(stored, _SCHEMA) and wanted.items() <= stored.items():
                return stored["run_id"]
        except ResultError:
            pass  # missing or damaged: the run of the library is a new one
        run_id = uuid.uuid4().hex[:8]
        atomic_write_json(path, {**wanted, "run_id": run_id})
        return run_id

    def _fail(self, error: Exception) -> None:
        self._has_failed = True
        message = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        _log.warning("no more metrics for %s: %s; training continues", self._name, message)
