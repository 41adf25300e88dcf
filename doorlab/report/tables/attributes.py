"""Tables of the attributes that a network predicts from generated frames, by `doorlab diagnose`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from doorlab.plots.style import sort_models, style_of
from doorlab.report.page import Html, join, table
from doorlab.report.tables.policies import held_out_doors, in_words, interval, model_name
from doorlab.result_schemas import read_part

# name in the result -> name and metric of the column
SCORES = {
    "joint_angle": "R² of the joint angle",
    "handedness": "accuracy of the hinge side",
    "swing": "accuracy of pull or push",
}
# name in the result -> name of the column, digits
_STATISTICS = {
    "open_frames": ("frames of an open door", 2),
    "left_hinges": ("hinge on the left", 2),
    "pull_doors": ("pulled doors", 2),
    "handedness_confidence": ("probability of the predicted hinge side", 2),
    "swing_confidence": ("probability of the predicted pull or push", 2),
    "handedness_agreement": ("frames with the hinge side of their door", 2),
    "angle_std": ("std of the joint angle within a door, rad", 2),
}
GENERATED = {
    "reconstructions": "reconstructions",
    "new_frames": "new frames of given doors",
    "samples": "sampled doors",
    "prior_samples": "doors sampled from N(0, 1)",
}


def attribute_tables(result: dict[str, Any]) -> list[Html]:
    """HTML tables of scores and of statistics; empty for a result without attributes."""
    real = result.get("attributes")
    if not real:
        return []
    scores = [[name, *_cells(found, interval)] for name, found in _scored(result, _html_name)]
    caption = (
        "Predictions of a network that was trained on real frames of "
        f"{real.get('training_doors', 0):,} training doors with their true parameters, compared "
        f"with the true parameters of {_doors(real)}. Real frames give the highest scores to "
        "expect. Where blurred real frames score as high, blur is not the reason for a low score. "
        "Hinge side and pull or push are predicted from all frames of a door."
    )
    shared = (
        "Predictions of the same network, means over doors. Sampled doors have no true parameters; "
        "their distribution should be that of real doors, and the frames of a door should agree on "
        "the side of the hinge, while the joint angle varies."
    )
    statistics = [
        [name, *(interval(found.get(key), digits) for key, (_, digits) in _STATISTICS.items())]
        for name, found in _described(result)
    ]
    columns = [column for column, _ in _STATISTICS.values()]
    return [
        table(["", *SCORES.values()], scores, caption),
        table(["", *columns], statistics, shared, stack_seeds=True),
    ]


def attribute_table(path: str | Path) -> Table | None:
    """Terminal table of the scores; None for a result without attributes.

    Raises ResultError if the file is missing or is not a result of `doorlab diagnose`.
    """
    result = read_part(Path(path), "diagnose")
    if not result.get("attributes"):
        return None
    shown = Table(title="Attributes that a network predicts from frames, with 95 % intervals")
    for head in ("", *SCORES.values()):
        shown.add_column(head)
    for name, found in _scored(result, _plain_name):
        shown.add_row(name, *_cells(found, in_words))
    return shown


def _scored(
    result: Mapping[str, Any], name_of: Callable[[str, str], Any]
) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """(name, scores) of real frames and of the generated frames with scores."""
    real = result["attributes"]
    yield "real frames", real.get("scores", {})
    if "blurred_scores" in real:
        yield "real frames, blurred", real["blurred_scores"]
    for model in sort_models(result["diagnosis"]):
        found = result["diagnosis"][model].get("attributes", {})
        for kind in GENERATED:
            if "scores" in found.get(kind, {}):
                yield name_of(model, kind), found[kind]["scores"]


def _described(result: Mapping[str, Any]) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """(name, statistics) of real frames and of the generated frames with statistics."""
    yield "real frames", result["attributes"].get("statistics", {})
    for model in sort_models(result["diagnosis"]):
        found = result["diagnosis"][model].get("attributes", {})
        for kind in GENERATED:
            if "statistics" in found.get(kind, {}):
                yield _html_name(model, kind), found[kind]["statistics"]


def _cells(scores: Mapping[str, Any], write: Callable[[Any, int], Any]) -> list[Any]:
    return [write(scores.get(name), 2) for name in SCORES]


def _html_name(model: str, kind: str) -> Html:
    return join(model_name(model), f": {GENERATED[kind]}")


def _plain_name(model: str, kind: str) -> str:
    return f"{style_of(model).label}: {GENERATED[kind]}"


def _doors(real: Mapping[str, Any]) -> str:
    return held_out_doors(score for score in real.get("scores", {}).values() if score)


def sampling_words(result: Mapping[str, Any]) -> str:
    """Sentence with the distributions that the models sample their latents from."""
    models = result["diagnosis"]
    parts = [
        f"{style_of(name).label}: {models[name]['sampling']}"
        for name in sort_models(models)
        if "sampling" in models[name]
    ]
    return f"Latents of sampled doors: {'; '.join(parts)}." if parts else ""
