"""A training run, for `doorlab pretrain` and `doorlab train`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Generic

from torch import nn

from doorlab.data.dataset import DoorDataset
from doorlab.doors.priors import get_prior, recorded_ranges
from doorlab.evaluation.unseen_doors import generation_key
from doorlab.learning.config import C, LearningConfig, dataset_image_size, open_data
from doorlab.learning.run_folder import finished_before
from doorlab.models.architecture import Architecture
from doorlab.models.io import save_model
from doorlab.results import write_result
from doorlab.run_layout import CHECKPOINT_FILE, METRICS_FILE
from doorlab.serialization import to_json
from doorlab.storage.folders import output_folder
from doorlab.terminal.text import print_line
from doorlab.training import FitResult, launch
from doorlab.training.external_logger import check_logger
from doorlab.training.fabric import Fabric

_ONLINE_ONLY = frozenset({"online", "stream"})
# Settings of paths, of how a run starts and of where its images are: they do not affect the result.
_PATH_SETTINGS = frozenset(
    {"data", "keep_in_memory", "out", "resume", "overwrite", "pretrained", "encoder"}
)


@dataclass(frozen=True)
class RunContext(Generic[C]):
    """A training run: its config, its dataset, and the values that a resumed run must share.

    A context is pickled into the processes of a run; each of them opens the dataset again.
    """

    stage: str
    """The command: "pretrain" or "train"."""
    config: C
    """Resolved config: its steps and dataset are the ones in use."""
    settings: dict[str, Any]
    """Plain values that must be equal in a resumed run."""

    @staticmethod
    def of(stage: str, config: C, dataset: DoorDataset | None, **extra: Any) -> RunContext[C]:
        """The context of a resolved config.

        Args:
            stage: the command.
            config: config of the command.
            dataset: the result of `open_data` for the config.
            extra: further plain values that must be equal in a resumed run.
        """
        return RunContext(stage, config, {**_settings(config, dataset), **extra})

    def __reduce__(self) -> tuple[Any, ...]:
        return RunContext, (self.stage, self.config, self.settings)

    @cached_property
    def dataset(self) -> DoorDataset | None:
        """The dataset of the config; None if all doors are streamed."""
        return open_data(self.config)

    @property
    def image_size(self) -> int:
        """Height and width of the frames, pixels."""
        return dataset_image_size(self.config, self.dataset)

    def run(self, train: Callable[[Fabric, RunContext[C]], FitResult]) -> Path:
        """Trains on every device, unless the run in --out is finished; returns its folder.

        Args:
            train: runs in every process; returns what `training.fit` returns.

        Raises the errors of `run_folder.finished_before` and `training.launch`, ConfigError if the
        library of --logger is missing, and KeyboardInterrupt after a signal, once a checkpoint is
        written.
        """
        out = self.config.out
        check_logger(self.config.monitor.logger)
        with output_folder(out) as was_killed:
            if not finished_before(self.config, self.settings, was_killed):
                outcome = launch(train, self.config.compute, self)
                if not outcome.finished:
                    _report_stop(self.config, outcome)
        return out

    def finish(
        self,
        model: nn.Module,
        architecture: Architecture,
        outcome: FitResult,
        metrics: dict[str, Any],
    ) -> None:
        """Writes the files of a finished run, metrics.json last.

        metrics.json contains the checksum of the training dataset, and generation_key, which
        identifies how its doors were sampled. Both are null after --online.

        Args:
            model: the model with its final weights.
            architecture: sizes of the model.
            outcome: result of `training.fit`.
            metrics: name -> estimate or number, in addition to parameters, steps and seconds.
        """
        config = self.config
        learned = None if config.online else self.dataset
        checksum = learned.checksum if learned else None
        about = {"seed": config.seed, "dataset_checksum": checksum, "steps": config.steps}
        if config.online:
            about["online"] = {"prior": config.stream.prior, "simulator": "torch"}
        save_model(config.out, model, config.model, self.image_size, architecture, **about)
        parameters = sum(p.numel() for p in model.parameters())
        write_result(
            config.out / METRICS_FILE,
            self.stage,
            config,
            {"parameters": parameters, "steps": outcome.step, "seconds": outcome.seconds} | metrics,
            checksum,
            learned.simulator if learned else "torch",
            model=config.model,
            online=config.online,
            generation_key=generation_key(learned) if learned else None,
            settings=self.settings,
            history=outcome.history,
        )
        (config.out / CHECKPOINT_FILE).unlink(missing_ok=True)


def _settings(config: LearningConfig, dataset: DoorDataset | None) -> dict[str, Any]:
    """The plain values that must be equal in a resumed run."""
    mine = {f.name: to_json(getattr(config, f.name)) for f in fields(config)}
    idle = _PATH_SETTINGS if config.online else _PATH_SETTINGS | _ONLINE_ONLY
    kept = {k: v for k, v in mine.items() if k not in idle}
    prior = config.stream.prior
    ranges = recorded_ranges(prior, get_prior(prior)) if config.online else None
    prior_ranges = {f"stream.prior.{name}": value for name, value in (ranges or {}).items()}
    return {**kept, **prior_ranges, "dataset": dataset.checksum if dataset else None}


def _report_stop(config: LearningConfig, outcome: FitResult) -> None:
    """Prints how to continue an unfinished run. Raises KeyboardInterrupt after a signal."""
    message = f"stopped after step {outcome.step} of {config.steps}. Continue with --resume"
    if outcome.interrupted:
        raise KeyboardInterrupt(message)
    print_line(message)
