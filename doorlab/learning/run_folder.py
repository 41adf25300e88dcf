"""The folder of a training run: its files, and how to resume or replace the run.

OUT/model.json, weights.safetensors     the trained model
OUT/latent_density.safetensors          `doorlab pretrain` only: density of the latents
OUT/familiarity.safetensors             `doorlab train` only: statistics of the training doors
OUT/checkpoint.safetensors              where --resume continues; removed at the end
OUT/tensorboard/                        scalars
OUT/logger.json                         id of the run of --logger, which --resume continues
OUT/metrics.json                        metrics and history; written last: marks a finished run
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from doorlab.errors import ConfigError, ResultError
from doorlab.learning.config import LearningConfig
from doorlab.limits import at_least
from doorlab.models.io import weights_checksum
from doorlab.results import read_result
from doorlab.run_layout import (
    CHECKPOINT_FILE,
    FAMILIARITY_FILE,
    LATENT_DENSITY_FILE,
    LOGGER_FILE,
    METRICS_FILE,
    MODEL_FILE,
    WEIGHTS_FILE,
)
from doorlab.storage.files import refuse_overwrite
from doorlab.storage.json_schema import Maybe
from doorlab.training.checkpoint import has_checkpoint, load_checkpoint
from doorlab.training.config import differing
from doorlab.training.metric_logger import TENSORBOARD_FOLDER

_METRICS = {
    "config": {"steps": at_least(0)},
    "settings?": {"architecture?": dict, "pretrained?": Maybe(dict)},
    "metrics": dict,
    "dataset_checksum": Maybe(str),
    "generation_key": Maybe({"prior": str, "seed": at_least(0)}),
}


def finished_before(config: LearningConfig, settings: dict[str, Any], was_killed: bool) -> bool:
    """Whether the run in --out is finished, for --resume; removes its files for --overwrite.

    Args:
        config: config of the stage; this process holds the lock of its folder.
        settings: settings that a finished run must have.
        was_killed: whether the previous writer was killed (`folders.output_folder`).

    Raises:
        ResultError: if there is a run and neither option is given, or a model without its run.
        ConfigError: if a finished run has other settings.
        CheckpointError: if the weights of a finished run are missing or have another checksum.
    """
    if config.overwrite:
        _clear(config.out)
        return False
    done, stopped = os.path.lexists(config.out / METRICS_FILE), has_checkpoint(config.out)
    if not config.resume and (done or stopped):
        raise ResultError(
            f"no earlier run in {config.out}",
            "one that is finished" if done else "one that was stopped",
            "choose another --out, continue with --resume, or replace it with --overwrite",
        )
    if not done:
        if not (stopped or was_killed):
            _refuse_models(config.out)
        return False
    changed = differing(load_settings(config.out), settings)
    if changed:
        raise ConfigError(
            f"the settings of the finished run in {config.out}",
            f"others: {', '.join(changed)}",
            "choose another --out, or replace it with --overwrite",
        )
    weights_checksum(config.out)  # raises for damaged weights before they are used
    (config.out / CHECKPOINT_FILE).unlink(missing_ok=True)  # killed after metrics.json was written
    return True


def _refuse_models(folder: Path) -> None:
    """Raises ResultError for a copied model: it has neither metrics nor a checkpoint."""
    for name in (MODEL_FILE, WEIGHTS_FILE):
        refuse_overwrite(folder / name, overwrite=False)


def load_settings(folder: Path) -> dict[str, Any]:
    """The settings of the run in a folder, finished or stopped; empty if there is no run."""
    if os.path.lexists(folder / METRICS_FILE):
        return read_metrics(folder).get("settings", {})
    checkpoint = load_checkpoint(folder)
    return checkpoint.settings if checkpoint else {}


def read_metrics(folder: Path) -> dict[str, Any]:
    """The metrics of a finished run. Raises ResultError if they can't be read."""
    return read_result(folder / METRICS_FILE, schema=_METRICS)


def _clear(folder: Path) -> None:
    """Removes the files of an earlier run, metrics.json first, and no other files."""
    models = (MODEL_FILE, WEIGHTS_FILE, FAMILIARITY_FILE, LATENT_DENSITY_FILE)
    for name in (METRICS_FILE, *models, CHECKPOINT_FILE, LOGGER_FILE):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / TENSORBOARD_FOLDER, ignore_errors=True)
