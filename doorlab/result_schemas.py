"""Schemas of the result files: the entries that the report and the plots read.

A result file may come from another version of doorlab, so readers check it first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from doorlab.errors import ResultError
from doorlab.limits import Limits, from_to
from doorlab.results import read_result
from doorlab.run_layout import (
    BANDIT_FILE,
    CLAIMS_FILE,
    DATASET_FILE,
    DIAGNOSIS_FILE,
    METRICS_FILE,
    MODEL_FILE,
    PLOT_FILE,
    PROBES_FILE,
    REGRET_FILE,
    REPRESENTATION_FILE,
    REWARD_FILE,
    STUDY_FILES,
    TIMING_FILE,
)
from doorlab.storage.files import read_json
from doorlab.storage.json_schema import Checked, Each, Maybe, OneOf, Text, misfit

_LARGEST = 10**12  # tables and axes can't show larger numbers
_NUMBER = Limits(-_LARGEST, _LARGEST)
_COUNT = from_to(0, _LARGEST)
_NAME = Text(r"[\w.:+\- ]{1,100}", "a name of letters, figures, spaces and _ . : + -")
_PAIR = Text(r"[\w.:+\-]{1,50} - [\w.:+\-]{1,50}", "the names of two models")
_NUMBER_OF_DOORS = Text("[0-9]{1,12}", "a number of doors")
_METRIC = OneOf("accuracy", "r2")


def _some(schema: Any) -> Checked:
    """Schema of an array with at least one value."""
    return Checked([schema], lambda values: None if values else "nothing in it")


_INTERVAL = (_NUMBER, _NUMBER)
_MEAN = {"mean": _NUMBER, "ci95": _INTERVAL, "n?": _COUNT}
_ESTIMATE = Maybe(_MEAN)  # null if the estimate is undefined
_DIFFERENCES = Each(Each(_ESTIMATE, _NAME), _PAIR)

# Origin of a result, from `doorlab.provenance`; null for unknown values.
_PROVENANCE = Each(Maybe(str), _NAME)
_ORIGIN = {"config?": dict, "provenance?": _PROVENANCE}

# Curves of a policy over the interactions, each with its intervals.
_OVER_TRIES = ("regret_per_interaction", "cumulative_regret", "opened_by")


def _wrong_courses(policy: dict[str, Any]) -> str | None:
    lengths = {len(policy[f"{key}{end}"]) for key in _OVER_TRIES for end in ("", "_ci95")}
    return None if len(lengths) == 1 else f"curves of {len(lengths)} different lengths"


_POLICY = Checked(
    {
        "seeds?": _COUNT,
        "mean_regret": _MEAN,
        "first_reward": _MEAN,
        "last_reward?": _ESTIMATE,
        **{key: _some(_NUMBER) for key in _OVER_TRIES},
        **{f"{key}_ci95": [_INTERVAL] for key in _OVER_TRIES},
    },
    _wrong_courses,
)
_REGRET = {
    **_ORIGIN,
    "doors": _COUNT,
    "horizon": _COUNT,
    "policies": Each(_POLICY, _NAME, least=1),
    "paired_differences?": Each(Each(_ESTIMATE, _NAME), _NAME),
}

_SCORE = {**_MEAN, "metric": _METRIC}
_SCORES = Each(_SCORE, _NAME)
_LINES = Each(Each(_some(_ESTIMATE), _NAME, least=1), _NAME, least=1)
_CURVES = {"at": _some(_COUNT), "scores": _LINES}


def _wrong_curves(result: dict[str, Any]) -> str | None:
    """Checks that curves have one value per position, a defined value, and a known target."""
    for axis in result.get("curves", {}).keys() & {"frames", "doors"}:
        curves = result["curves"][axis]
        for target, values in [item for s in curves["scores"].values() for item in s.items()]:
            if len(values) != len(curves["at"]) or not any(values):
                return f"curves.{axis} without values of {target}"
            if target not in result.get("targets", {}):
                return f"none of its targets.{target}"
    return None


_PROBES = {
    **_ORIGIN,
    "probes": Each(_SCORES, _NAME, least=1),
    "differences?": _DIFFERENCES,
    "latents?": Each({"context": _SCORES, "instance": _SCORES}, _NAME),
    "components?": Each(_SCORES, _NAME),
    "statisticians?": [_NAME],
    "curves?": {"frames?": _CURVES, "doors?": _CURVES},
    "targets?": Each({"label": _NAME, "metric": _METRIC, "guessing": _NUMBER}, _NAME),
}
_PRIOR = {
    **_PROBES,
    "seeds": _COUNT,
    "doors": {"test": _COUNT},
    "vs_best_baseline": Each(Each({**_MEAN, "rival": _NAME}, _NAME), _NAME),
    "bars": Each(Each({"bar": _NUMBER, "reached": bool}, _NAME), _NAME),
}

_SCORES_OF_PICTURES = {"accuracy": _ESTIMATE, "mmd2": _ESTIMATE}
_LIKENESS = {"content": _SCORES_OF_PICTURES, "texture": _SCORES_OF_PICTURES}
_MEASURES = ("reconstruction_mse", "elbo", "importance_bound", "importance_bound_bits")


_ATTRIBUTE_SCORES = {"joint_angle?": _ESTIMATE, "handedness?": _ESTIMATE, "swing?": _ESTIMATE}
_ATTRIBUTES = {"scores?": _ATTRIBUTE_SCORES, "statistics?": Each(_ESTIMATE, _NAME)}


def _wrong_units(model: dict[str, Any]) -> str | None:
    """Checks that every latent with a number of active units also has a KL."""
    absent = model.get("active_units", {}).keys() - model.get("kl", {}).keys()
    return f"no kl of {min(absent)}" if absent else None


_DIAGNOSED = {
    **{f"{measure}?": _ESTIMATE for measure in _MEASURES},
    "kl?": Each(list, _NAME),
    "active_units?": Each(_COUNT, _NAME),
    "likelihood_scale?": _NUMBER,
    "two_sample?": Each(_LIKENESS, _NAME),
    "sampling?": str,
    "attributes?": Each(_ATTRIBUTES, _NAME),
}
_DIAGNOSIS = {
    **_ORIGIN,
    "diagnosis": Each(Checked(_DIAGNOSED, _wrong_units), _NAME, least=1),
    "reference": _LIKENESS,
    "attributes?": {
        **_ATTRIBUTES,
        "training_doors?": _COUNT,
        "validation_scores?": _ATTRIBUTE_SCORES,
        "blurred_scores?": _ATTRIBUTE_SCORES,
    },
    "metrics?": {"differences?": _DIFFERENCES},
}


def _wrong_errors(adaptation: dict[str, Any]) -> str | None:
    lengths = {len(errors) for errors in adaptation["reward_mse"].values()}
    return None if lengths <= {len(adaptation["context_counts"])} else "not an error for each count"


_ADAPTATION = {
    "reward_mse": Each([_ESTIMATE], _NAME),
    "context_counts": [_COUNT],
    "reward_variance": _NUMBER,
}
_CALIBRATION = {
    "levels": [_NUMBER],
    "coverage": Each([_ESTIMATE], _NAME),
    "calibration_error": Each(_ESTIMATE, _NAME),
}


def _wrong_coverage(calibration: dict[str, Any]) -> str | None:
    lengths = {len(found) for found in calibration["coverage"].values()}
    return None if lengths <= {len(calibration["levels"])} else "not a coverage for each level"


_PLOTS = {
    **_ORIGIN,
    "metrics": {
        "adaptation?": Checked(_ADAPTATION, _wrong_errors),
        "calibration?": Checked(_CALIBRATION, _wrong_coverage),
    },
    "words?": Each(Each(str)),
    "skipped?": Each(str),
    "not_run?": Each(str),
}


def _wrong_records(records: list[dict[str, Any]]) -> str | None:
    return None if all(r.get("step") is not None for r in records) else "a record without its step"


_RECORDS = Checked([Each(Maybe(_NUMBER))], _wrong_records)
_METRICS = {
    **_ORIGIN,
    "metrics?": {"labeled_doors?": _COUNT, "frame_doors?": _COUNT, "seconds?": _NUMBER},
    "history?": {"train?": _RECORDS, "validation?": _RECORDS},
}
_DATASET = {
    "provenance?": _PROVENANCE,
    "config": {"frames?": _COUNT, "image_size?": _COUNT, "interactions?": _COUNT},
    "doors?": _COUNT,
    "splits?": Each(_COUNT, _NAME),
    "kind?": _NAME,
}


def _wrong_contexts(reward: dict[str, Any]) -> str | None:
    found = [errors for by_labels in reward["models"].values() for errors in by_labels.values()]
    lengths = {len(errors["after"]["reward_mse"]) for errors in found}
    return None if lengths == {len(reward["contexts"])} else "not an error for every context"


_STUDY_ERRORS = {"reward_mse_over_variance": _MEAN, "after": {"reward_mse": _some(_MEAN)}}
_REWARD = {
    **_ORIGIN,
    "doors": _COUNT,
    "seeds": _COUNT,
    "models": Each(Each(_STUDY_ERRORS, _NUMBER_OF_DOORS, least=1), _NAME, least=1),
    "contexts": _some(_COUNT),
    "reward_variance": _NUMBER,
}
_ELSEWHERE = {"num_labeled": _COUNT, "policies": Each({"mean_regret": _MEAN}, _NAME)}
_BANDIT = {
    "policies": Each(Each(_POLICY, _NUMBER_OF_DOORS, least=1), _NAME, least=1),
    "baselines": Each(_POLICY, _NAME),
    "ood?": Each(_ELSEWHERE, _NAME),
}
_CLAIM = {
    "claim": str,
    "reproduced": OneOf(True, False, None),
    "how_much": str,
    "too_small?": bool,
}

SHAPES: dict[str, Any] = {
    DATASET_FILE: _DATASET,
    MODEL_FILE: {"kind": _NAME},
    METRICS_FILE: _METRICS,
    PROBES_FILE: Checked(_PROBES, _wrong_curves),
    DIAGNOSIS_FILE: _DIAGNOSIS,
    REGRET_FILE: _REGRET,
    PLOT_FILE: _PLOTS,
    TIMING_FILE: {"seconds": Each(_NUMBER)},
    REWARD_FILE: Checked(_REWARD, _wrong_contexts),
    BANDIT_FILE: _BANDIT,
    CLAIMS_FILE: {
        **_ORIGIN,
        "claims": [_CLAIM],
        "method": _NAME,
        "doors": _COUNT,
        "seeds": _COUNT,
    },
    REPRESENTATION_FILE: {
        **_ORIGIN,
        "priors": Each(Checked(_PRIOR, _wrong_curves), _NAME, least=1),
    },
}
"""File name -> schema of its content (`doorlab.storage.json_schema`)."""


def read_part(file: Path, stage: str | None = None) -> dict[str, Any]:
    """Reads a file whose name is in `SHAPES`, and checks its content.

    Args:
        file: path of the file.
        stage: required stage of the result; None for files that are no results of a stage.

    Raises ResultError if the file is missing, is of another stage, or does not match its schema.
    """
    content = read_result(file, stage) if stage else read_json(file)
    wrong = misfit(content, SHAPES[file.name])
    if wrong:
        raise ResultError(f"a result of doorlab in {file}", wrong, "restore it, or make it again")
    return content


def read_study(folder: Path) -> dict[str, dict[str, Any]]:
    """File name -> content of the result files of a study. Raises ResultError for invalid files."""
    return {name: read_part(folder / name, "study") for name in STUDY_FILES}
