"""Checks that a model is evaluated on doors that it was not trained on.

The split of a dataset separates training and test doors. It does not separate the doors of two
datasets: door number i of a prior and a seed is the same door in datasets of any size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from doorlab.data.dataset import DoorDataset
from doorlab.data.sources.simulation import GenerationConfig
from doorlab.doors.priors import prior_label
from doorlab.errors import ConfigError, ResultError
from doorlab.models.description import read_description
from doorlab.run_layout import METRICS_FILE
from doorlab.storage.files import read_json


def generation_key(dataset: DoorDataset) -> dict[str, Any] | None:
    """Key of the sampling of doors: equal for datasets with the same doors; None for footage."""
    config = dataset.config
    if not isinstance(config, GenerationConfig):
        return None
    return {"prior": prior_label(config.prior), "seed": config.seed}


def check_unseen(folder: Path, dataset: DoorDataset) -> None:
    """Raises ConfigError if test doors of a dataset may be training doors of a model.

    This is so if the model was trained on another dataset with the same prior and seed.

    Args:
        folder: run folder or exported folder of the model.
        dataset: dataset of the test doors.
    """
    about, key = read_description(folder), generation_key(dataset)
    if key is None or about.dataset_checksum == dataset.checksum:
        return
    if key == _training_key(folder):
        raise ConfigError(
            f"a model that has seen no test door of {dataset.path}",
            f"one in {folder} of other doors of the prior {key['prior']} and the seed "
            f"{key['seed']}, which may include test doors",
            "generate the dataset with another --seed",
        )


def _training_key(folder: Path) -> Any:
    """The generation key of a model's training doors; None if it is not known."""
    card = read_description(folder).card
    if card is not None:
        return card.get("training", {}).get("generation_key")
    try:
        return read_json(folder / METRICS_FILE).get("generation_key")
    except ResultError:
        return None
