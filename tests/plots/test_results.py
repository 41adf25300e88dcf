"""Figures of result files that were damaged, edited, or written by another version."""

from __future__ import annotations

import contextlib
import json

import pytest
from helpers.damaging import damage_all

from doorlab.errors import ResultError
from doorlab.models.description import sealed
from doorlab.plots import results
from doorlab.plots.context import MissingInput, PlotContext
from doorlab.plots.style import to_png
from doorlab.result_schemas import SHAPES
from doorlab.run_layout import RunFolders


def course(level: float) -> dict:
    found = {"mean_regret": estimate(level), "first_reward": estimate(level)}
    for key in ("regret_per_interaction", "cumulative_regret", "opened_by"):
        found |= {key: [level, level / 2], f"{key}_ci95": [[level, 1.0], [level / 2, 1.0]]}
    return found


def estimate(mean: float) -> dict:
    return {"mean": mean, "ci95": [mean - 0.1, mean + 0.1], "n": 5}


def score(mean: float) -> dict:
    return {"metric": "accuracy", **estimate(mean)}


CURVES = {"at": [2, 4], "scores": {"vae": {"swing": [score(0.5), score(0.6)]}}}
TARGET = {"label": "swing", "metric": "accuracy", "guessing": 0.5}
ERRORS = {
    "reward_mse_over_variance": estimate(0.5),
    "after": {"reward_mse": [estimate(0.4), estimate(0.3)]},
}
RECORDS = [{"step": 1, "loss": 2.0, "kl_z": 1.0}, {"step": 2, "loss": 1.0, "kl_z": 1.0}]
FILES = {
    "regret.json": {"doors": 5, "horizon": 2, "policies": {"np": course(0.5)}},
    "probes.json": {
        "probes": {"vae": {"swing": score(0.7), "width": score(0.7)}},
        "curves": {"frames": CURVES, "doors": CURVES},
        "targets": {"swing": TARGET},
    },
    "metrics.json": {"history": {"train": RECORDS, "validation": RECORDS}},
    "model.json": sealed({"kind": "vae", "image_size": 32, "weights_checksum": "blake2b:none"}),
    "reward.json": {"contexts": [0, 1], "reward_variance": 0.1, "models": {"np": {"8": ERRORS}}},
    "bandit.json": {"policies": {"np": {"8": course(0.5)}}, "baselines": {"random": course(0.9)}},
    "claims.json": {"method": "np", "doors": 5, "seeds": 1, "claims": []},
}
SHOWN = {
    "regret.json": ("opened", "regret"),
    "probes.json": ("probes", "probe_frames", "probe_doors"),
    "metrics.json": ("training",),
    "reward.json": ("study_labels", "study_adaptation"),
    "bandit.json": ("study_labels", "study_regret"),
}


@pytest.mark.parametrize("file", SHOWN)
def test_figures_accept_every_valid_result(tmp_path, file):
    for name, content in FILES.items():
        whole = content if name == "model.json" else {"stage": "study", **content}
        (tmp_path / name).write_text(json.dumps(whole))
    for first in (0, 7):
        document = json.loads(json.dumps(FILES[file]))
        damage_all(document, SHAPES[file], first)
        document |= {"stage": "study"}
        (tmp_path / file).write_text(json.dumps(document))
        sources = PlotContext(RunFolders.find([tmp_path]), None, max_doors=9, seed=0, device="cpu")
        for figure in SHOWN[file]:
            with contextlib.suppress(
                MissingInput, ResultError
            ):  # what is reported, not a traceback
                to_png(getattr(results, figure)(sources).figure)
