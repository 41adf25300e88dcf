"""A run of a small SSNP, as `doorlab train` leaves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.predictors import SIZE, SMALL, model_of

from doorlab.models.familiarity import Familiarity, save_familiarity
from doorlab.models.io import checksum_of, save_model

ESTIMATE = {"mean": 0.25, "ci95": [0.125, 0.5], "n": 40}
METRICS = {
    "stage": "train",
    "provenance": {"commit": "0123abcd", "simulator": "pybullet"},
    "config": {"steps": 7, "preset": "tiny", "seed": 3, "keep_best": False, "pretrained": None},
    "dataset_checksum": "blake2b:doors",
    "generation_key": {"prior": "narrow", "seed": 1000},
    "metrics": {"steps": 7, "labeled_doors": 12, "validation_reward_mse_after_0": ESTIMATE},
}


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a run of a model of some kind."""

    def make(kind: str = "ssnp", name: str = "run") -> Path:
        model = model_of(kind)
        about = {"seed": 3, "dataset_checksum": "blake2b:doors", "steps": 7}
        save_model(tmp_path / name, model, kind, SIZE, SMALL, **about)
        (tmp_path / name / "metrics.json").write_text(json.dumps(METRICS))
        if kind == "ssnp":
            size = SMALL.context_dim
            known = Familiarity("doors", np.zeros(size), np.eye(size), np.full(8, 1e9))
            save_familiarity(tmp_path / name, known, checksum_of(model))
        return tmp_path / name

    return make
