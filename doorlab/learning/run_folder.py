"""The folder of a training run: what lies in it, whether it is finished, how to replace it.

OUT/model.json, weights.safetensors     the trained model
OUT/latent_density.safetensors          of `doorlab pretrain`: density to sample a latent from
OUT/familiarity.safetensors             of `doorlab train`: statistics of its training doors
OUT/checkpoint.safetensors              where --resume continues; removed at the end
OUT/tensorboard/                        scalars
OUT/metrics.json                        metrics and history; written last: it says "done"
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from doorlab.errors import ConfigError, ResultError
from doorlab.learning.config import LearningConfig
from doorlab.limits import at_least
from doorlab.models.description import MODEL_FILE, WEIGHTS_FILE
from doorlab.models.familiarity import FAMILIARITY_FILE
from doorlab.models.io import weights_checksum
from doorlab.models.latent_density import LATENT_DENSITY_FILE
from doorlab.results import read_result
from doorlab.storage.files import refuse_overwrite
from doorlab.storage.json_schema import Maybe
from doorlab.training.checkpoint import CHECKPOINT_FILE, has_checkpoint, load_checkpoint
from doorlab.training.config import differing
from doorlab.training.metric_logger import TENSORBOARD_FOLDER

METRICS_FILE = "metrics.json"
_METRICS = {
    "config": {"steps": at_least(0)},
    "settings?": {"architecture?": dict, "pretrained?": Maybe(dict)},
    "figures": dict,
    "dataset_checksum": Maybe(str),
    "generation_key": Maybe({"prior": str, "seed": at_least(0)}),
}


def finished_before(config: LearningConfig, settings: dict[str, Any], was_killed: bool) -> bool:
    """Whether the run in --out is done, for --resume; clears it for --overwrite.

    Args:
        config: of the stage. Its folder is owned by this process.
        settings: what a finished run must have been made with.
        was_killed: whether the process that wrote there before was (`folders.output_folder`).

    Raises:
        ResultError: when there is a run and neither was asked for, or a model without its run.
        ConfigError: when a finished run was made with other settings.
        CheckpointError: when a finished run has lost its weights, or has others.
    """
    if config.overwrite:
        _clear(config.out)
        return False
    done, stopped = os.path.lexists(config.out / METRICS_FILE), has_checkpoint(config.out)
    if not config.resume and (done or stopped):
        raise ResultError(
            f"no earlier run in {config.out}",
            "one that is finished" if done else "one that was stopped",
            "choose another --out, go on with --resume, or replace it with --overwrite",
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
    weights_checksum(config.out)  # or say that they are damaged, before anything rests on them
    (config.out / CHECKPOINT_FILE).unlink(missing_ok=True)  # it was killed in its last moment
    return True


def _refuse_models(folder: Path) -> None:
    """A model without figures is no run that was stopped: somebody has copied it there."""
    for name in (MODEL_FILE, WEIGHTS_FILE):
        refuse_overwrite(folder / name, overwrite=False)


def load_settings(folder: Path) -> dict[str, Any]:
    """Of the run in a folder, finished or stopped; empty when there is none."""
    if os.path.lexists(folder / METRICS_FILE):
        return read_metrics(folder).get("settings", {})
    checkpoint = load_checkpoint(folder)
    return checkpoint.settings if checkpoint else {}


def read_metrics(folder: Path) -> dict[str, Any]:
    """The metrics of a finished run. Raises ResultError when they can't be read."""
    return read_result(folder / METRICS_FILE, schema=_METRICS)


def _clear(folder: Path) -> None:
    """Removes the files of an earlier run, those that say "done" first; nothing else."""
    models = (MODEL_FILE, WEIGHTS_FILE, FAMILIARITY_FILE, LATENT_DENSITY_FILE)
    for name in (METRICS_FILE, *models, CHECKPOINT_FILE):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / TENSORBOARD_FOLDER, ignore_errors=True)
